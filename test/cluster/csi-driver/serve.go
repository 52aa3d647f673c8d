package main

import (
	"context"
	"log"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"google.golang.org/grpc"
)

func serve(server *grpc.Server, socket string) {
	if err := os.MkdirAll(filepath.Dir(socket), 0o750); err != nil {
		log.Fatal(err)
	}
	if err := os.RemoveAll(socket); err != nil { // a killed instance leaves its socket
		log.Fatal(err)
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		if err := server.Serve(listener); err != nil {
			log.Fatal(err)
		}
	}()
}

func logCall(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	start := time.Now()
	response, err := handler(ctx, request)
	log.Printf("%s %.3fs {%v} error: %v", filepath.Base(info.FullMethod), time.Since(start).Seconds(), request, err)
	return response, err
}

// oneCallAtATime holds the pool's lock around every call that may touch the pool, across all instances.
func oneCallAtATime(p pool) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		if strings.HasPrefix(info.FullMethod, "/csi.v1.Identity/") {
			return handler(ctx, request)
		}
		unlock, err := p.lock()
		if err != nil {
			return nil, err
		}
		defer unlock()
		return handler(ctx, request)
	}
}
