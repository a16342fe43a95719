package bolt_test

import (
	"testing"

	"refreshbot/store/bolt/bolttest"
	"refreshbot/store/storetest"
)

func TestContract(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) storetest.Backend { return bolttest.Open(t) })
}
