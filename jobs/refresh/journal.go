package refresh

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// Entry is one line of a refresh's journal. Hash covers the entry and the hash of the one before it, so that
// an entry cannot be changed or taken out unnoticed.
type Entry struct {
	Refresh ID
	Seq     int64 // 1 is the Requested event
	At      time.Time
	Event   Event
	Prev    string
	Hash    string
}

type wireEntry struct {
	Refresh ID              `json:"refresh"`
	Seq     int64           `json:"seq"`
	At      time.Time       `json:"at"`
	Name    string          `json:"event"`
	Data    json.RawMessage `json:"data"`
	Prev    string          `json:"prev"`
	Hash    string          `json:"hash,omitempty"`
}

// MarshalJSON writes the entry as it stands in the store.
func (e Entry) MarshalJSON() ([]byte, error) {
	data, err := json.Marshal(e.Event)
	if err != nil {
		return nil, fmt.Errorf("encode event %s: %w", e.Event.event(), err)
	}
	return json.Marshal(wireEntry{e.Refresh, e.Seq, e.At, e.Event.event(), data, e.Prev, e.Hash})
}

// UnmarshalJSON reads what MarshalJSON wrote. An event of an unknown name is an error: it comes from a newer
// program, and guessing at it could move the refresh wrongly.
func (e *Entry) UnmarshalJSON(data []byte) error {
	var w wireEntry
	if err := json.Unmarshal(data, &w); err != nil {
		return fmt.Errorf("decode journal entry: %w", err)
	}
	dec, ok := decoders[w.Name]
	if !ok {
		return w.foreign(fmt.Errorf("journal entry %d of %s: event %q is not known to this version of refreshbot", w.Seq, w.Refresh, w.Name))
	}
	ev, err := dec(w.Data)
	if err != nil {
		return w.foreign(err)
	}
	*e = Entry{w.Refresh, w.Seq, w.At, ev, w.Prev, w.Hash}
	return nil
}

// foreign marks an error about an entry with ErrVersion when the entry is as it was written: then it is not damaged.
func (w wireEntry) foreign(err error) error {
	hash := w.Hash
	w.Hash = ""
	data, encoding := json.Marshal(w)
	if sum := sha256.Sum256(data); encoding != nil || hex.EncodeToString(sum[:]) != hash {
		return err
	}
	return fmt.Errorf("%w: %w", ErrVersion, err)
}

// Seal numbers the events as the entries that follow base in r's journal and chains their hashes to prev, the
// hash of the entry at base (empty when base is 0).
func Seal(id ID, base int64, prev string, at time.Time, events []Event) ([]Entry, error) {
	entries := make([]Entry, 0, len(events))
	for i, ev := range events {
		e := Entry{Refresh: id, Seq: base + int64(i) + 1, At: at.UTC().Round(0), Event: ev, Prev: prev}
		var err error
		if e.Hash, err = e.hash(); err != nil {
			return nil, err
		}
		prev = e.Hash
		entries = append(entries, e)
	}
	return entries, nil
}

func (e Entry) hash() (string, error) {
	e.Hash = ""
	data, err := json.Marshal(e)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}

// Intact reports whether an entry is as it was written. data is the entry as it is stored, or nil.
func (e Entry) Intact(data []byte) bool {
	// What is hashed is the entry without its hash, which stands last. Encoding it again gives the same in general, but
	// takes as long as everything else that is done with a journal together.
	if head, ok := bytes.CutSuffix(data, []byte(`,"hash":"`+e.Hash+`"}`)); ok {
		h := sha256.New()
		_, _ = h.Write(head) // a hash never fails
		_, _ = h.Write([]byte("}"))
		if hex.EncodeToString(h.Sum(nil)) == e.Hash {
			return true
		}
	}
	sum, err := e.hash()
	return err == nil && sum == e.Hash
}

// Fold rebuilds a refresh from its journal and checks the chain: numbers without a gap, hashes that fit, and
// no event that the transition table forbids.
func Fold(entries []Entry) (Refresh, error) {
	prev := ""
	for _, e := range entries {
		if e.Prev != prev || !e.Intact(nil) {
			return Refresh{}, fmt.Errorf("journal of %s: entry %d was changed after it was written", e.Refresh, e.Seq)
		}
		prev = e.Hash
	}
	return Replay(entries)
}

// Replay is Fold for entries whose hashes were checked.
func Replay(entries []Entry) (Refresh, error) {
	var r Refresh
	for i, e := range entries {
		if e.Seq != int64(i)+1 {
			return Refresh{}, fmt.Errorf("journal of %s: entry %d stands where %d belongs", e.Refresh, e.Seq, i+1)
		}
		if err := legal(r, e.Event); err != nil {
			return Refresh{}, fmt.Errorf("journal of %s: entry %d: %w", e.Refresh, e.Seq, err)
		}
		r = Apply(r, e.Event, e.At)
	}
	return r, nil
}
