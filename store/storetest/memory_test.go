package storetest_test

import (
	"testing"

	"refreshbot/store/storetest"
)

func TestMemory(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(*testing.T) storetest.Backend { return storetest.NewMemory() })
}
