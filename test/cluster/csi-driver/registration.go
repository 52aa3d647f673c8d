package main

import (
	"context"
	"log"

	pluginregistration "k8s.io/kubelet/pkg/apis/pluginregistration/v1"
)

// registrationServer is what node-driver-registrar does elsewhere: it tells kubelet where the CSI socket is.
type registrationServer struct {
	pluginregistration.UnimplementedRegistrationServer
	name, socket string
}

func (s *registrationServer) GetInfo(context.Context, *pluginregistration.InfoRequest) (*pluginregistration.PluginInfo, error) {
	return &pluginregistration.PluginInfo{
		Type:              pluginregistration.CSIPlugin,
		Name:              s.name,
		Endpoint:          s.socket,
		SupportedVersions: []string{"1.0.0"},
	}, nil
}

func (s *registrationServer) NotifyRegistrationStatus(_ context.Context, result *pluginregistration.RegistrationStatus) (*pluginregistration.RegistrationStatusResponse, error) {
	if !result.PluginRegistered {
		log.Fatalf("kubelet refused the driver: %s", result.Error)
	}
	log.Print("registered with kubelet")
	return &pluginregistration.RegistrationStatusResponse{}, nil
}
