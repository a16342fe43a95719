package roster

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"refreshbot/jobs/refresh"
)

func people() []refresh.User {
	return []refresh.User{
		{ID: "Admin", SignIn: "admin@contoso.example", Name: "Administrator", Email: "it@contoso.example", Enabled: true},
		{ID: "ABERG ", SignIn: "anna.berg@contoso.example", Name: "Anna Berg", Email: "Anna.Berg@mail.example"},
		{ID: "KIM", SignIn: "kim@contoso.example", Name: "Kim Lee", Email: "team@mail.example"},
		{ID: "BO", SignIn: "KIM", Name: "Bo Lund", Email: "team@mail.example"},
		{ID: "M\u00fcller", SignIn: "mueller@contoso.example", Name: "Max M\u00fcller"},
		{ID: "FRServiceUser", SignIn: "svc@microsoft.example", Name: "Finance", Email: "svc@microsoft.example"},
		{ID: "retailserviceaccount ", SignIn: "retail@microsoft.example"},
	}
}

func named(list ...string) []Name {
	var names []Name
	for i, s := range list {
		names = append(names, Name{s, fmt.Sprintf("l.csv, line %d", i+1)})
	}
	return names
}

func TestResolve(t *testing.T) {
	t.Parallel()
	users := people()
	name := func(text string, line int) Name { return Name{text, fmt.Sprintf("l.csv, line %d", line)} }
	for title, test := range map[string]struct {
		names []string
		want  Match
	}{
		"by user ID, sign-in name and e-mail address, in any letter case": {
			[]string{"aberg", "MUELLER@Contoso.example", "it@CONTOSO.example"},
			Match{Enable: []refresh.User{users[1], users[4]}, Already: []refresh.User{users[0]}},
		},
		"a user listed twice under ID and sign-in name": {
			[]string{"ABERG", "anna.berg@contoso.example", "anna.berg@mail.example", " aberg"},
			Match{Enable: []refresh.User{users[1]}, Duplicates: 3},
		},
		"the user ID wins over a sign-in name": {
			[]string{"kim"},
			Match{Enable: []refresh.User{users[2]}},
		},
		"an address of several users stands for none": {
			[]string{"team@mail.example", "TEAM@mail.example"},
			Match{Unknown: []Unknown{{Name: name("team@mail.example", 1), Note: "2 users have this e-mail address (KIM, BO); write the user ID instead"}}, Duplicates: 1},
		},
		"service users, by every name and even when not there": {
			[]string{"frserviceuser", "SVC@microsoft.example", "retail@microsoft.example", "PowerPlatformApp", "powerplatformapp"},
			Match{Refused: []Name{name("frserviceuser", 1), name("retail@microsoft.example", 3), name("PowerPlatformApp", 4)}, Duplicates: 2},
		},
		"composed and combined letters are the same": {
			[]string{"mu\u0308ller"},
			Match{Enable: []refresh.User{users[4]}},
		},
		"unknown with the nearest": {
			[]string{"abergg", "anna.brg@contoso.example", "Kim Lee", "anna.berg", "zoe@fabrikam.example", "frserviceuse"},
			Match{Unknown: []Unknown{
				{Name: name("abergg", 1), Nearest: "ABERG "},
				{Name: name("anna.brg@contoso.example", 2), Nearest: "anna.berg@contoso.example"},
				{Name: name("Kim Lee", 3), Nearest: "KIM"},
				{Name: name("anna.berg", 4), Nearest: "ABERG "},
				{Name: name("zoe@fabrikam.example", 5)},
				{Name: name("frserviceuse", 6)},
			}},
		},
		"unknown twice": {[]string{"zoe", "ZOE"}, Match{Unknown: []Unknown{{Name: name("zoe", 1)}}, Duplicates: 1}},
		"a blank name":  {[]string{" \u200b"}, Match{Unknown: []Unknown{{Name: name(" \u200b", 1), Note: "the name is blank"}}}},
		"nothing":       {nil, Match{}},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, Resolve(named(test.names...), users)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestUsersThatPagingBringsTwice(t *testing.T) {
	t.Parallel()
	users := append(people(), people()...)
	m := Resolve(named("anna.berg@contoso.example", "kim@contoso.example"), users)
	if len(m.Enable) != 2 || len(m.Unknown) != 0 {
		t.Errorf("%+v", m)
	}
}

func TestEachNameIsInOneBin(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.SampledFrom([]string{"", " ", "anna", "ANNA ", "kim", "kimm", "bo", "a@x", "A@X", "k@x", "frserviceuser", "FRServiceUser\u00a0",
			"\u200bPowerPlatformApp", "svc@x", "M\u00fcller", "mu\u0308ller", "TRUE"})
		user := rapid.Custom(func(t *rapid.T) refresh.User {
			return refresh.User{ID: word.Draw(t, "id"), SignIn: word.Draw(t, "sign-in"), Name: word.Draw(t, "name"), Email: word.Draw(t, "e-mail"), Enabled: rapid.Bool().Draw(t, "enabled")}
		})
		users := rapid.SliceOfN(user, 0, 12).Draw(t, "users")
		names := named(rapid.SliceOfN(word, 0, 20).Draw(t, "names")...)
		m := Resolve(names, users)

		if got := len(m.Enable) + len(m.Already) + len(m.Unknown) + len(m.Refused) + m.Duplicates; got != len(names) {
			t.Fatalf("%d names in the bins, want %d: %+v", got, len(names), m)
		}
		seen := make(map[string]bool)
		once := func(what string) {
			if seen[what] {
				t.Fatalf("%s twice: %+v", what, m)
			}
			seen[what] = true
		}
		for i, u := range append(append([]refresh.User{}, m.Enable...), m.Already...) {
			once("user " + key(u.ID))
			if (refresh.User{ID: key(u.ID)}).ServiceUser() {
				t.Fatalf("service user %q is let in", u.ID)
			}
			if u.Enabled != (i >= len(m.Enable)) {
				t.Fatalf("user %q is in the wrong bin", u.ID)
			}
			asked := false
			for _, n := range names {
				k := key(n.Text)
				asked = asked || k == key(u.ID) || k == key(u.SignIn) || k == key(u.Email)
			}
			if !asked {
				t.Fatalf("nobody asked for %q", u.ID)
			}
		}
		for _, n := range m.Unknown {
			once("line " + n.Where)
			if n.Nearest != "" && service(refresh.User{ID: n.Nearest}) {
				t.Fatalf("service user %q is suggested", n.Nearest)
			}
		}
		for _, n := range m.Refused {
			once("line " + n.Where)
		}
	})
}

func BenchmarkResolveNobodyKnown(b *testing.B) {
	var users []refresh.User
	for i := range 20_000 {
		id := fmt.Sprintf("user%05d", i)
		users = append(users, refresh.User{ID: id, SignIn: id + "@contoso.example", Name: "User Number " + id, Email: id + "@mail.example"})
	}
	var list []string
	for i := range 50_000 {
		list = append(list, fmt.Sprintf("nobody%05d@contoso.example", i))
	}
	names := named(list...)
	for b.Loop() {
		Resolve(names, users)
	}
}
