// Package ntf gives the tests of nats.go the service they start in TestMain: one server of the binary
// under test, which is only asked for its version.
package ntf

import (
	"context"

	client "github.com/synadia-io/orbit.go/ntf-client"
)

type Options struct{ AdvertiseHost string }

type Service struct{ server *client.Process }

func New(context.Context, Options) (*Service, error) {
	server, err := client.StartPlain()
	if err != nil {
		return nil, err
	}
	return &Service{server}, nil
}

func (s *Service) Port() int { return s.server.Port }

func (s *Service) Close() { s.server.Stop() }
