package bolt

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"

	"go.etcd.io/bbolt"

	"refreshbot/jobs/refresh"
	"refreshbot/store"
)

// Record returns a copy of the record with the key in a space, and whether there is one. One that was changed after it
// was written is an Internal error.
func (s *Store) Record(ctx context.Context, space, key string) (value []byte, ok bool, err error) {
	err = s.view(ctx, "read record "+space+"/"+key, func(tx *bbolt.Tx) error {
		if b := tx.Bucket(bRecords).Bucket([]byte(space)); b != nil {
			if v := b.Get([]byte(key)); v != nil {
				ok = true
				var err error
				value, err = unsealed(space, key, v)
				return err
			}
		}
		return nil
	})
	return value, ok, err
}

// PutRecord writes the record with the key in a space. It is on disk when PutRecord returns.
func (s *Store) PutRecord(ctx context.Context, space, key string, value []byte) error {
	return s.update(ctx, space, "write record "+space+"/"+key, func(tx *bbolt.Tx) error {
		if err := store.CheckRecord(space, key); err != nil {
			return err
		}
		b, err := tx.Bucket(bRecords).CreateBucketIfNotExists([]byte(space))
		if err != nil {
			return err
		}
		return b.Put([]byte(key), sealed(space, key, value))
	})
}

// DeleteRecord removes the record with the key from a space. It is no error if there is none.
func (s *Store) DeleteRecord(ctx context.Context, space, key string) error {
	return s.update(ctx, space, "delete record "+space+"/"+key, func(tx *bbolt.Tx) error {
		b := tx.Bucket(bRecords).Bucket([]byte(space))
		if b == nil {
			return nil
		}
		return b.Delete([]byte(key))
	})
}

// Records returns copies of all records of a space, by key. Damaged ones are left out and named in a joined error.
func (s *Store) Records(ctx context.Context, space string) (map[string][]byte, error) {
	all := map[string][]byte{}
	err := s.view(ctx, "read the records of "+space, func(tx *bbolt.Tx) error {
		b := tx.Bucket(bRecords).Bucket([]byte(space))
		if b == nil {
			return nil
		}
		var errs []error
		err := b.ForEach(func(k, v []byte) error {
			value, err := unsealed(space, string(k), v)
			if err != nil {
				errs = append(errs, err)
				return nil
			}
			all[string(k)] = value
			return nil
		})
		return errors.Join(append(errs, err)...)
	})
	return all, err
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum ties a value to its place: bbolt has no checksums, and unlike a refresh a record has no journal to be held
// against.
func checksum(space, key string, value []byte) uint32 {
	h := crc32.Update(0, castagnoli, []byte(space+"\x00"+key+"\x00"))
	return crc32.Update(h, castagnoli, value)
}

// sealed puts the checksum before a value.
func sealed(space, key string, value []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, checksum(space, key, value)), value...)
}

// unsealed returns a copy of the value that sealed was given.
func unsealed(space, key string, v []byte) ([]byte, error) {
	if len(v) < 4 || binary.BigEndian.Uint32(v) != checksum(space, key, v[4:]) {
		return nil, refresh.Errorf(refresh.Internal, "What the store remembers of %q under %q was changed after it was written. Restore the store from a backup.", key, space)
	}
	return append([]byte{}, v[4:]...), nil
}
