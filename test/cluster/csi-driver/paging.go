package main

import (
	"strconv"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// page cuts one page out of all; the token is the index of the first item, and "" after the last page.
func page[T any](all []T, token string, maxEntries int32) (items []T, nextToken string, err error) {
	start := 0
	if token != "" {
		start, err = strconv.Atoi(token)
		if err != nil || start < 0 || start > len(all) {
			return nil, "", status.Errorf(codes.Aborted, "starting token %q is not valid", token)
		}
	}
	end := start + int(maxEntries)
	if maxEntries == 0 || end >= len(all) {
		return all[start:], "", nil
	}
	return all[start:end], strconv.Itoa(end), nil
}
