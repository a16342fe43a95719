// Package store says what a store writes, whatever it writes to: the row of a refresh and the entries of its
// journal as bytes, what ties the two together, and which locks a refresh holds on its target.
//
// A backend (package bolt) keeps these bytes and commits row, entries, locks and input key in one transaction.
package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"refreshbot/jobs/engine"
	"refreshbot/jobs/refresh"
)

// Schema is the shape of everything in a store. A store of a higher one is never touched. A change of shape
// raises it and teaches readRow the old one; testdata keeps a sample of every shape ever shipped.
const Schema = 1

// record is a row as it is stored.
type record struct {
	Schema int             `json:"schema"`
	Hash   string          `json:"hash"` // of the journal's last entry: the next one is chained to it
	Row    json.RawMessage `json:"row"`
	Sum    string          `json:"sum,omitempty"` // of Row, so that a list need not read the journal; rows of old have none
}

// Change is what one commit writes.
type Change struct {
	Refresh refresh.Refresh // as it stands afterwards
	Row     []byte
	Entries [][]byte // to be numbered from Base+1
}

// Advance works out what the commit writes over the stored row; nil when there is none yet. It returns
// engine.ErrStale when the row is not the one that the events were decided on, and an Internal error when the
// events do not lead to the row that the commit wants.
func Advance(stored []byte, c engine.Commit) (Change, error) {
	var r refresh.Refresh
	var prev string
	if stored != nil {
		var err error
		if r, prev, err = readRow(stored); err != nil {
			return Change{}, err
		}
	}
	if r.Version != c.Base {
		return Change{}, fmt.Errorf("%s stands at version %d, not %d: %w", c.Row.ID, r.Version, c.Base, engine.ErrStale)
	}
	if c.Row.ID == "" || c.At.IsZero() || c.Base == 0 && len(c.Events) == 0 {
		return Change{}, refresh.Errorf(refresh.Internal, "A commit needs the id of a refresh, a time and, for a new refresh, its first event.")
	}
	entries, err := seal(c, prev)
	if err != nil {
		return Change{}, fmt.Errorf("seal the journal of %s: %w", c.Row.ID, err)
	}
	ch := Change{}
	for _, e := range entries {
		r = refresh.Apply(r, e.Event, e.At)
		prev = e.Hash
		data, err := json.Marshal(e)
		if err != nil {
			return Change{}, fmt.Errorf("encode entry %d of %s: %w", e.Seq, c.Row.ID, err)
		}
		ch.Entries = append(ch.Entries, data)
	}
	row, err := json.Marshal(r)
	if err != nil {
		return Change{}, fmt.Errorf("encode %s: %w", c.Row.ID, err)
	}
	if same, err := leadsTo(c.Row, row); err != nil {
		return Change{}, fmt.Errorf("encode %s: %w", c.Row.ID, err)
	} else if !same {
		return Change{}, refresh.Errorf(refresh.Internal, "The events do not lead to the row of %s that was to be written. Nothing was written; this is a defect in refreshbot.", c.Row.ID)
	}
	ch.Refresh = r
	ch.Row, err = json.Marshal(record{Schema, prev, row, sum(row)})
	return ch, err
}

// seal makes the entries of the commit. The events go through JSON once before they are hashed, because what
// a reader gets can differ from what was given: text that is not UTF-8, as a far side's reply may hold, is
// repaired on the way, and a hash over the unrepaired text would never fit again.
func seal(c engine.Commit, prev string) ([]refresh.Entry, error) {
	draft, err := refresh.Seal(c.Row.ID, c.Base, prev, c.At, c.Events)
	if err != nil {
		return nil, err
	}
	events := make([]refresh.Event, len(draft))
	for i, d := range draft {
		data, err := json.Marshal(d)
		if err != nil {
			return nil, err
		}
		var e refresh.Entry
		if err := json.Unmarshal(data, &e); err != nil {
			return nil, err
		}
		events[i] = e.Event
	}
	return refresh.Seal(c.Row.ID, c.Base, prev, c.At, events)
}

// leadsTo reports whether r is the row, as it is or as it will look after it has been read back.
func leadsTo(r refresh.Refresh, row []byte) (bool, error) {
	data, err := json.Marshal(r)
	if err != nil || bytes.Equal(data, row) {
		return err == nil, err
	}
	r = refresh.Refresh{}
	if err := json.Unmarshal(data, &r); err != nil {
		return false, err
	}
	data, err = json.Marshal(r)
	return bytes.Equal(data, row), err
}

// Read returns the refresh with the id from its row and its whole journal. It is an Internal error, and a
// sentence for people, if the two do not agree or the journal was changed after it was written.
func Read(id refresh.ID, row []byte, journal [][]byte) (refresh.Refresh, error) {
	r, err := read(id, row, journal)
	if err != nil {
		return refresh.Refresh{}, unreadable(id, err)
	}
	return r, nil
}

func read(id refresh.ID, row []byte, journal [][]byte) (refresh.Refresh, error) {
	rec, err := readRecord(row)
	if err != nil {
		return refresh.Refresh{}, err
	}
	entries, err := chain(id, 0, journal)
	if err != nil {
		return refresh.Refresh{}, err
	}
	folded, err := refresh.Replay(entries)
	if err == nil {
		err = refresh.CheckVersion(folded)
	}
	if err != nil {
		if r, _, unread := readRow(row); unread == nil && refresh.CheckVersion(r) != nil { // other rules made it
			err = refresh.CheckVersion(r)
		}
		return refresh.Refresh{}, err
	}
	leads, err := json.Marshal(folded)
	if err != nil {
		return refresh.Refresh{}, err
	}
	if !bytes.Equal(leads, rec.Row) { // an older row may be written in another way
		r, _, err := readRow(row)
		if err != nil {
			return refresh.Refresh{}, err
		}
		stands, err := json.Marshal(r)
		if err != nil {
			return refresh.Refresh{}, err
		}
		if !bytes.Equal(leads, stands) {
			return refresh.Refresh{}, fmt.Errorf("the row stands at version %d, the journal leads to another row at version %d", r.Version, folded.Version)
		}
	}
	switch {
	case folded.ID != id:
		return refresh.Refresh{}, fmt.Errorf("the row says it is %q", folded.ID)
	case entries[len(entries)-1].Hash != rec.Hash: // equal rows: there is at least one entry
		return refresh.Refresh{}, fmt.Errorf("the row belongs to another last entry")
	}
	return folded, nil
}

// ReadRow returns the refresh with the id from its row alone. Enough for a list; before a refresh is acted on
// it is Read.
func ReadRow(id refresh.ID, row []byte) (refresh.Refresh, error) {
	r, _, err := readRow(row)
	if err == nil && r.ID != id {
		err = fmt.Errorf("the row says it is %q", r.ID)
	}
	if err == nil {
		err = refresh.CheckVersion(r)
	}
	if err != nil {
		return refresh.Refresh{}, unreadable(id, err)
	}
	return r, nil
}

// readRow is where older shapes of a row become the present one.
func readRow(data []byte) (refresh.Refresh, string, error) {
	rec, err := readRecord(data)
	if err != nil {
		return refresh.Refresh{}, "", err
	}
	var r refresh.Refresh
	err = strictly(rec.Row, &r) // fields of a newer program would be lost at the next commit
	switch {
	case err != nil && rec.Sum != "":
		return refresh.Refresh{}, "", fmt.Errorf("%w: decode row: %w", refresh.ErrVersion, err)
	case err != nil:
		return refresh.Refresh{}, "", fmt.Errorf("decode row: %w", err)
	}
	return r, rec.Hash, nil
}

// readRecord decodes what is around a row, and checks that the row is as it was written.
func readRecord(data []byte) (record, error) {
	var rec record
	if err := strictly(data, &rec); err != nil {
		return rec, fmt.Errorf("decode row: %w", err)
	}
	whole := rec.Sum == sum(rec.Row)
	switch {
	case rec.Schema > Schema && whole:
		return rec, fmt.Errorf("%w: the row has schema %d; known here: %d", refresh.ErrVersion, rec.Schema, Schema)
	case rec.Schema != Schema:
		return rec, fmt.Errorf("the row has schema %d; known here: %d", rec.Schema, Schema)
	case rec.Sum != "" && !whole:
		return rec, errors.New("the row was changed after it was written")
	}
	return rec, nil
}

// strictly decodes JSON and refuses what has no place in out.
func strictly(data []byte, out any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	return d.Decode(out)
}

func sum(row []byte) string {
	h := sha256.Sum256(row)
	return hex.EncodeToString(h[:])
}

// ReadJournal decodes the entries after the one numbered after, and checks that each is as it was written.
func ReadJournal(id refresh.ID, after int64, raw [][]byte) ([]refresh.Entry, error) {
	entries, err := chain(id, after, raw)
	if err != nil {
		return nil, unreadable(id, err)
	}
	return entries, nil
}

// chain decodes entries and checks that each is as it was written and follows the one before it.
func chain(id refresh.ID, after int64, raw [][]byte) ([]refresh.Entry, error) {
	entries := make([]refresh.Entry, len(raw))
	prev := ""
	for i, data := range raw {
		e, seq := &entries[i], after+int64(i)+1
		if err := e.UnmarshalJSON(data); err != nil {
			return nil, fmt.Errorf("entry %d: %w", seq, err)
		}
		switch {
		case e.Refresh != id || e.Seq != seq:
			return nil, fmt.Errorf("entry %d of %q stands where entry %d belongs", e.Seq, e.Refresh, seq)
		case !e.Intact(data), (i > 0 || after == 0) && e.Prev != prev:
			return nil, fmt.Errorf("entry %d was changed after it was written", seq)
		}
		prev = e.Hash
	}
	return entries, nil
}

// unreadable is the error for a refresh that this program cannot act on.
func unreadable(id refresh.ID, cause error) error {
	if !errors.Is(cause, refresh.ErrVersion) {
		return Damaged(id, cause)
	}
	return &refresh.Error{
		Code: refresh.Internal,
		Msg:  fmt.Sprintf("%s was written by another version of refreshbot, so it is left alone. Start the version that wrote it, and it goes on.", id),
		Err:  cause,
	}
}

// Damaged is the error for a refresh whose record cannot be trusted.
func Damaged(id refresh.ID, cause error) error {
	return &refresh.Error{
		Code: refresh.Internal,
		Msg: fmt.Sprintf("The journal and the row of %s do not agree, so it is left alone. "+
			"Look at its target environment in Lifecycle Services, then restore the store from a backup.", id),
		Err: cause,
	}
}

// LockKeys names the target environment in every way that tells it from others. Two configuration names for
// one LCS environment share a key.
func LockKeys(target refresh.Environment) []string {
	keys := []string{"name:" + strings.ToLower(strings.TrimSpace(target.Name))}
	if id := refresh.NormalizeID(target.LCS); id != "" {
		keys = append(keys, "lcs:"+id)
	}
	return keys
}

// KeepKeys is how long the key of an input is remembered at least. Slack redelivers for minutes, and a
// process may have been down over a weekend.
const KeepKeys = 7 * 24 * time.Hour

// CheckRecord refuses the names that no backend can keep a record under.
func CheckRecord(space, key string) error {
	if space == "" || key == "" {
		return refresh.Errorf(refresh.Internal, "A record needs a space and a key.")
	}
	return nil
}
