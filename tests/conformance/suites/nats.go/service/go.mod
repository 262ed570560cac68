module github.com/synadia-io/orbit.go/ntf

go 1.25.0

require github.com/synadia-io/orbit.go/ntf-client v0.0.3
