package roster

import (
	"strings"

	"refreshbot/jobs/refresh"
	"refreshbot/jobs/spell"
)

// maxNearest is how many unknown names get a suggestion: a preview shows no more, and looking through thousands
// of users for each of thousands of names would take minutes.
const maxNearest = 100

// speller finds the user that somebody who mistyped a name may have meant.
type speller []spelling

type spelling struct {
	near []rune // what people write, in the form of key
	say  string // what to write instead
}

func newSpeller(users []refresh.User) speller {
	var s speller
	known := make(map[string]bool) // ID and address often have the same local part
	add := func(near, say string) {
		if near = key(near); near != "" && !known[near] {
			known[near] = true
			s = append(s, spelling{[]rune(near), say})
		}
	}
	for _, u := range users {
		if service(u) {
			continue
		}
		add(u.ID, u.ID)
		add(u.Name, u.ID)
		for _, address := range []string{u.SignIn, u.Email} {
			add(address, address)
			local, _, _ := strings.Cut(address, "@")
			add(local, u.ID)
		}
	}
	return s
}

// nearest returns the spelling with the fewest single-letter changes from the name, "" if none is near enough for a
// typing error. The first of equals wins.
func (s speller) nearest(name string) string {
	word := []rune(key(name))
	limit := min((len(word)+2)/4, 3) + 1
	best := ""
	for _, c := range s {
		if d := spell.Distance(word, c.near, limit); d < limit {
			best, limit = c.say, d
		}
	}
	return best
}
