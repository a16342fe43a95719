package bolt

import (
	"bytes"
	"context"

	"go.etcd.io/bbolt"

	"refreshbot/store"
)

// Record returns a copy of the record with the key in a space, and whether there is one.
func (s *Store) Record(ctx context.Context, space, key string) (value []byte, ok bool, err error) {
	err = s.view(ctx, "read record "+space+"/"+key, func(tx *bbolt.Tx) error {
		if b := tx.Bucket(bRecords).Bucket([]byte(space)); b != nil {
			v := b.Get([]byte(key))
			value, ok = bytes.Clone(v), v != nil
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
		return b.Put([]byte(key), value)
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

// Records returns copies of all records of a space, by key.
func (s *Store) Records(ctx context.Context, space string) (map[string][]byte, error) {
	all := map[string][]byte{}
	err := s.view(ctx, "read the records of "+space, func(tx *bbolt.Tx) error {
		b := tx.Bucket(bRecords).Bucket([]byte(space))
		if b == nil {
			return nil
		}
		return b.ForEach(func(k, v []byte) error {
			all[string(k)] = bytes.Clone(v)
			return nil
		})
	})
	return all, err
}
