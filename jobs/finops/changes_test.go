package finops

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"refreshbot/jobs/cloudsim"
	"refreshbot/jobs/refresh"
)

func user(method, id string, set map[string]any) refresh.Change {
	return refresh.Change{Method: method, Record: refresh.Record{Entity: "SystemUsers", Key: map[string]any{"UserID": id}, Set: set}}
}

func wantErrors(t *testing.T, errs []error, want ...refresh.Code) {
	t.Helper()
	if len(errs) != len(want) {
		t.Fatalf("%d errors, want %d: %v", len(errs), len(want), errs)
	}
	for i, err := range errs {
		if refresh.CodeOf(err) != want[i] {
			t.Errorf("change %d: code %q, want %q: %v", i, refresh.CodeOf(err), want[i], err)
		}
	}
}

func TestChangesOfAllKinds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newField(t, cloudsim.FieldModel(), 4)
		on := map[string]any{"Enabled": true}
		errs, err := f.client.WriteAll(t.Context(), []refresh.Change{
			user("PATCH", "U0000", on),
			user("POST", "U0001", on), // is there
			user("POST", "NEW", on),   // is not
			user("DELETE", "U0002", nil),
			user("DELETE", "GONE", nil), // was not
			user("PATCH", "GONE2", on),
			user("PUT", "U0003", on),
			user("PATCH", "U0003", nil),
			{Method: "PATCH", Record: refresh.Record{Entity: "SystemUsers", Set: on}},
			{Method: "PATCH", Record: refresh.Record{Entity: "System Users", Key: on, Set: on}},
			{Method: "POST", Record: refresh.Record{Entity: "SystemUsers", Set: map[string]any{"UserID": "NEW2"}}},
			{Method: "POST", Record: refresh.Record{Entity: "SystemUsers", Set: map[string]any{"UserID": "U0003"}}}, // is there, and nobody can look
			{Method: "DELETE", Record: refresh.Record{Entity: "SystemUsers"}},
		})
		wantError(t, err, "")
		wantErrors(t, errs, "", "", "", "", "", refresh.NotFound, refresh.Invalid, refresh.Invalid, refresh.Invalid, refresh.Invalid, "", refresh.Refused, refresh.Invalid)
		wantError(t, errs[11], refresh.Refused, "adding SystemUsers", "Der Datensatz existiert bereits")
		if _, there := f.users["u0002"]; there || !f.users["u0000"] || !f.users["new"] || f.users["u0001"] {
			t.Errorf("users: %v", f.users)
		}
	})
}

// The change set was taken, the reply was lost: what is done again finds its rows there or gone.
func TestALostReplyDoesNoHarm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newField(t, cloudsim.FieldModel(), 20)
		f.lose = func(n int) bool { return n <= 2 }
		var changes []refresh.Change
		for i, id := range userIDs(40) {
			changes = append(changes, user([]string{"DELETE", "POST"}[i/20], id, map[string]any{"Enabled": true}))
		}
		errs, err := f.client.WriteAll(t.Context(), changes)
		wantError(t, err, "")
		wantErrors(t, errs, make([]refresh.Code, len(changes))...)
		if len(f.users) != 20 || f.enabled() != 20 {
			t.Errorf("users: %v", f.users)
		}
	})
}

func TestChangesToOneRowKeepTheirOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newField(t, cloudsim.FieldModel(), 100)
		on, off := map[string]any{"Enabled": true}, map[string]any{"Enabled": false}
		var changes []refresh.Change
		for _, id := range userIDs(100) {
			changes = append(changes, user("PATCH", id, on))
		}
		for _, id := range userIDs(100) {
			changes = append(changes, user("PATCH", strings.ToLower(id), off), user("PATCH", id, off), user("PATCH", id, on), user("DELETE", id, nil), user("POST", id, off))
		}
		errs, err := f.client.WriteAll(t.Context(), changes)
		wantError(t, err, "")
		wantErrors(t, errs, make([]refresh.Code, len(changes))...)
		if f.enabled() != 0 || len(f.users) != 100 {
			t.Errorf("%d enabled, %d users", f.enabled(), len(f.users))
		}
		for id, n := range f.writes {
			if n != 5 { // the second "off" is the first one again
				t.Errorf("%s was written %d times", id, n)
			}
		}
	})
}

func TestStoppedChangesAreMarked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newField(t, cloudsim.FieldModel(), 10)
		f.whole = func(bool) *answer { return &answer{status: 503} }
		on, off := map[string]any{"Enabled": true}, map[string]any{"Enabled": false}
		begin := time.Now()
		errs, err := f.client.WriteAll(t.Context(), []refresh.Change{user("PATCH", "U0001", on), user("PATCH", "U0001", off), user("PUT", "U0002", on)})
		wantError(t, err, refresh.Offline)
		wantErrors(t, errs, refresh.Offline, refresh.Offline, refresh.Invalid)
		if took := time.Since(begin); took < patience-maxBackoff || took > patience+maxBackoff {
			t.Errorf("gave up after %v", took)
		}
	})
}

// A part that is answered 401 stops the whole; what the same reply says about others is kept.
func TestAnAppThatIsRemovedMidway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newField(t, cloudsim.FieldModel(), 1000)
		f.part = func(user string) *answer {
			if user == "u0300" {
				return &answer{status: 401}
			}
			return nil
		}
		refused, err := f.enable(t.Context(), t, userIDs(1000))
		wantError(t, err, refresh.Denied)
		if f.enabled() < 100 || f.enabled()+len(refused) != 1000 {
			t.Errorf("%d enabled, %d marked", f.enabled(), len(refused))
		}
		for _, e := range refused {
			wantError(t, e, refresh.Denied)
		}
	})
}
