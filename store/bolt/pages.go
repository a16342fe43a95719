package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
)

// The file format is bbolt's own (its internal/common: meta.go, page.go, bucket.go), in the machine's byte
// order. Only what is needed to know that bbolt can read the file without faulting is looked at here; whether
// the tree makes sense is for Tx.Check.
const (
	headerSize  = 16
	elementSize = 16
	flagBranch  = 0x01
	flagLeaf    = 0x02
	flagFree    = 0x10
	flagBucket  = 0x01
	noFreelist  = ^uint64(0)
)

type metaPage struct {
	Magic, Version, PageSize, Flags            uint32
	Root, Sequence, Freelist, Top, TxID, Check uint64
}

type pageHeader struct {
	ID           uint64
	Flags, Count uint16
	Overflow     uint32
}

// pages walks the pages of a file from the outside.
type pages struct {
	file io.ReaderAt
	size int64           // of a page
	top  uint64          // pages from here on are not in use
	used map[uint64]bool // pages met so far; a second time is an error, which also ends every cycle
}

// verifyPages makes sure that each page in use lies within the file and holds only what lies within the page.
// The file must be locked and have passed bbolt's own check of the meta pages.
func verifyPages(file *os.File, pageSize int) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	m, err := newestMeta(file, int64(pageSize))
	if err != nil {
		return err
	}
	if m.Top < 2 || m.Top > uint64(info.Size())/uint64(pageSize) {
		return fmt.Errorf("the file is cut off: %d pages of %d bytes are in use, it has %d bytes", m.Top, pageSize, info.Size())
	}
	p := &pages{file, int64(pageSize), m.Top, map[uint64]bool{}}
	if err := p.tree(m.Root); err != nil {
		return err
	}
	return p.freelist(m.Freelist)
}

// newestMeta chooses between the two meta pages as bbolt does.
func newestMeta(file io.ReaderAt, pageSize int64) (metaPage, error) {
	var newest metaPage
	for i := range int64(2) {
		buf := make([]byte, headerSize+binary.Size(metaPage{}))
		if _, err := file.ReadAt(buf, i*pageSize); err != nil {
			return metaPage{}, err
		}
		var m metaPage
		if _, err := binary.Decode(buf[headerSize:], binary.NativeEndian, &m); err != nil {
			return metaPage{}, err
		}
		sum := fnv.New64a()
		_, _ = sum.Write(buf[headerSize : len(buf)-8]) // a hash never fails
		if m.Magic == 0xED0CDAED && m.Version == 2 && m.Check == sum.Sum64() && m.TxID >= newest.TxID {
			newest = m
		}
	}
	if newest.Magic == 0 {
		return metaPage{}, errors.New("neither meta page is valid")
	}
	return newest, nil
}

// read returns a page with its overflow.
func (p *pages) read(id uint64) (pageHeader, []byte, error) {
	var h pageHeader
	if id < 2 || id >= p.top {
		return h, nil, fmt.Errorf("page %d is referred to, but not in use", id)
	}
	head := make([]byte, headerSize)
	if _, err := p.file.ReadAt(head, int64(id)*p.size); err != nil {
		return h, nil, fmt.Errorf("read page %d: %w", id, err)
	}
	h = header(head)
	if h.ID != id || uint64(h.Overflow) >= p.top-id {
		return h, nil, fmt.Errorf("page %d has a damaged header", id)
	}
	for i := id; i <= id+uint64(h.Overflow); i++ {
		if p.used[i] {
			return h, nil, fmt.Errorf("page %d is used twice", i)
		}
		p.used[i] = true
	}
	buf := make([]byte, p.size*(int64(h.Overflow)+1))
	if _, err := p.file.ReadAt(buf, int64(id)*p.size); err != nil {
		return h, nil, fmt.Errorf("read page %d: %w", id, err)
	}
	return h, buf, nil
}

func header(b []byte) pageHeader {
	ne := binary.NativeEndian
	return pageHeader{ne.Uint64(b), ne.Uint16(b[8:]), ne.Uint16(b[10:]), ne.Uint32(b[12:])}
}

func (p *pages) tree(id uint64) error {
	h, buf, err := p.read(id)
	if err != nil {
		return err
	}
	switch h.Flags {
	case flagLeaf:
		return p.leaf(h, buf)
	case flagBranch:
		if h.Count == 0 {
			return fmt.Errorf("page %d is a branch without leaves", id)
		}
		for i := range int(h.Count) {
			pos, key, _, child, ok := element(h, buf, i)
			if !ok || pos+key > len(buf) {
				return fmt.Errorf("page %d is damaged at element %d", id, i)
			}
			if err := p.tree(child); err != nil {
				return err
			}
		}
		return nil
	}
	return fmt.Errorf("page %d is neither branch nor leaf", id)
}

func (p *pages) leaf(h pageHeader, buf []byte) error {
	for i := range int(h.Count) {
		pos, key, flags, val, ok := element(h, buf, i)
		if !ok || val > uint64(len(buf)) || pos+key+int(val) > len(buf) {
			return fmt.Errorf("page %d is damaged at element %d", h.ID, i)
		}
		if flags&flagBucket == 0 {
			continue
		}
		if err := p.bucket(buf[pos+key : pos+key+int(val)]); err != nil {
			return fmt.Errorf("page %d, element %d: %w", h.ID, i, err)
		}
	}
	return nil
}

// element returns where the key of an element begins within the page, its length, and for a leaf the flags
// and the length of the value, for a branch the child. It is not ok when that is outside the page.
func element(h pageHeader, buf []byte, i int) (pos, key int, flags uint32, rest uint64, ok bool) {
	at := headerSize + i*elementSize
	if at+elementSize > len(buf) {
		return 0, 0, 0, 0, false
	}
	ne, e := binary.NativeEndian, buf[at:at+elementSize]
	a, b := uint64(ne.Uint32(e)), uint64(ne.Uint32(e[4:]))
	if h.Flags == flagBranch {
		rest = ne.Uint64(e[8:])
	} else {
		flags, a, b, rest = uint32(a), b, uint64(ne.Uint32(e[8:])), uint64(ne.Uint32(e[12:]))
	}
	if uint64(at)+a > uint64(len(buf)) || b > uint64(len(buf)) {
		return 0, 0, 0, 0, false
	}
	return at + int(a), int(b), flags, rest, true
}

// bucket follows the value of a bucket: the number of its first page, or a small page right inside the value.
func (p *pages) bucket(value []byte) error {
	if len(value) < headerSize {
		return errors.New("a bucket is cut off")
	}
	if root := binary.NativeEndian.Uint64(value); root != 0 {
		return p.tree(root)
	}
	inline := bytes.Clone(value[headerSize:])
	if len(inline) < headerSize {
		return errors.New("a bucket is cut off")
	}
	h := header(inline)
	if h.ID != 0 || h.Flags != flagLeaf {
		return errors.New("a bucket has a damaged header")
	}
	return p.leaf(h, inline)
}

func (p *pages) freelist(id uint64) error {
	if id == noFreelist {
		return errors.New("the list of free pages is missing")
	}
	h, buf, err := p.read(id)
	if err != nil {
		return err
	}
	ids, n := buf[headerSize:], uint64(h.Count)
	if h.Count == 0xFFFF { // the count did not fit: it stands before the numbers
		n, ids = binary.NativeEndian.Uint64(ids), ids[8:]
	}
	if h.Flags != flagFree || n > uint64(len(ids)/8) {
		return errors.New("the list of free pages is damaged")
	}
	for i := range n {
		free := binary.NativeEndian.Uint64(ids[8*i:])
		if free < 2 || free >= p.top || p.used[free] {
			return fmt.Errorf("page %d is listed as free, wrongly", free)
		}
		p.used[free] = true
	}
	return nil
}
