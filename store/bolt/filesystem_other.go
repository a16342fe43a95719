//go:build !linux

package bolt

// networkFileSystem cannot tell here.
func networkFileSystem(string) (string, error) { return "", nil }
