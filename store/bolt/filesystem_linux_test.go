package bolt

import "testing"

func TestNetworkSharesAreKnown(t *testing.T) {
	t.Parallel()
	for magic, want := range map[uint32]string{
		0x6969: "NFS", 0x517B: "SMB", 0xFF534D42: "CIFS", 0xFE534D42: "SMB 2",
		0xEF53: "", 0x58465342: "", 0x01021994: "", // ext4, xfs, tmpfs
	} {
		if got := networkName(magic); got != want {
			t.Errorf("%#x: %q, want %q", magic, got, want)
		}
	}
	if name, err := networkFileSystem(t.TempDir()); name != "" || err != nil {
		t.Errorf("a temporary directory: %q, %v", name, err)
	}
}
