package roster

import (
	"fmt"
	"strings"

	"refreshbot/jobs/refresh"
)

// Match sorts the names of lists by what letting them in would mean. Each name is in exactly one of Enable, Already,
// Unknown and Refused, or counted in Duplicates. The order is that of the names.
type Match struct {
	Enable     []refresh.User // disabled now
	Already    []refresh.User // enabled now
	Unknown    []Unknown
	Refused    []Name // Microsoft service users, which are never touched
	Duplicates int    // names of a user, or of nobody, that an earlier name stood for already
}

// Unknown is a name that stands for no user, or not for one alone.
type Unknown struct {
	Name
	Nearest string // a user ID, sign-in name or e-mail address that is spelled much like it; "" when none is near
	Note    string // why, when it is more than that nobody is called so
}

// Resolve finds the user of each name by user ID, else by sign-in name, else by e-mail address, whatever the
// letter case. A sign-in name or an address that several users have stands for none of them. Only the first
// 100 unknown names get a Nearest.
func Resolve(names []Name, users []refresh.User) Match {
	byID, bySignIn, byEmail := make(map[string][]int, len(users)), make(map[string][]int, len(users)), make(map[string][]int, len(users))
	for i, u := range users {
		id := key(u.ID)
		if id == "" || len(byID[id]) > 0 { // paging can bring a user twice
			continue
		}
		byID[id] = []int{i}
		if k := key(u.SignIn); k != "" {
			bySignIn[k] = append(bySignIn[k], i)
		}
		if k := key(u.Email); k != "" {
			byEmail[k] = append(byEmail[k], i)
		}
	}

	var m Match
	var spell speller
	userSeen, textSeen := make(map[int]bool), make(map[string]bool)
	for _, n := range names {
		k := key(n.Text)
		found, what := byID[k], "user ID"
		if len(found) == 0 {
			found, what = bySignIn[k], "sign-in name"
		}
		if len(found) == 0 {
			found, what = byEmail[k], "e-mail address"
		}
		if len(found) == 1 {
			u := users[found[0]]
			switch {
			case userSeen[found[0]]:
				m.Duplicates++
			case service(u):
				m.Refused = append(m.Refused, n)
			case u.Enabled:
				m.Already = append(m.Already, u)
			default:
				m.Enable = append(m.Enable, u)
			}
			userSeen[found[0]] = true
			continue
		}
		if textSeen[k] {
			m.Duplicates++
			continue
		}
		textSeen[k] = true
		switch {
		case k == "":
			m.Unknown = append(m.Unknown, Unknown{Name: n, Note: "the name is blank"})
		case len(found) > 1:
			m.Unknown = append(m.Unknown, Unknown{Name: n, Note: severalUsers(found, users, what)})
		case service(refresh.User{ID: n.Text}): // not in this environment, and still not one to ask for
			m.Refused = append(m.Refused, n)
		default:
			unknown := Unknown{Name: n}
			if len(m.Unknown) < maxNearest {
				if spell == nil {
					spell = newSpeller(users)
				}
				unknown.Nearest = spell.nearest(n.Text)
			}
			m.Unknown = append(m.Unknown, unknown)
		}
	}
	return m
}

// service also sees through the blanks that a user ID may carry.
func service(u refresh.User) bool { return refresh.User{ID: key(u.ID)}.ServiceUser() }

func severalUsers(found []int, users []refresh.User, what string) string {
	const shown = 3
	var ids []string
	for _, i := range found[:min(len(found), shown)] {
		ids = append(ids, users[i].ID)
	}
	more := ""
	if len(found) > shown {
		more = ", ..."
	}
	return fmt.Sprintf("%d users have this %s (%s%s); write the user ID instead", len(found), what, strings.Join(ids, ", "), more)
}
