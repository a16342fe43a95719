package bolt

import (
	"fmt"
	"syscall"
)

// networkFileSystem names the kind of network share that dir is on; empty for any other file system.
func networkFileSystem(dir string) (string, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return "", fmt.Errorf("look at the file system of %s: %w", dir, err)
	}
	return networkName(uint32(st.Type)), nil // the field's width differs by architecture; magic numbers have 32 bits
}

// networkName knows the magic numbers of statfs(2).
func networkName(magic uint32) string {
	switch magic {
	case 0x6969:
		return "NFS"
	case 0x517B:
		return "SMB"
	case 0xFF534D42:
		return "CIFS"
	case 0xFE534D42:
		return "SMB 2"
	}
	return ""
}
