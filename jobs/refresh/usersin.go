package refresh

import "strings"

// UserIn is a user of the target who can sign in, as the last look at its users saw them.
type UserIn struct {
	ID     string
	SignIn string // usually the e-mail address; empty when not known
}

// UsersIn returns who can sign in since this refresh let users in, and what the last look found wrong. Both are
// empty before there was one.
func (r Refresh) UsersIn() (in []UserIn, wrong []Finding) {
	for _, s := range r.Steps {
		if s.Kind != KindVerify || !s.Status.Finished() {
			continue
		}
		for _, f := range s.Findings {
			if !f.OK {
				wrong = append(wrong, f)
				continue
			}
			in = append(in, userIn(f.Name))
		}
	}
	return in, wrong
}

// userIn reads the name of a finding about a user: the id, and in brackets the sign-in name where it is another.
func userIn(name string) UserIn {
	if id, signIn, ok := strings.Cut(strings.TrimSuffix(name, ")"), " ("); ok && strings.HasSuffix(name, ")") {
		return UserIn{id, signIn}
	}
	if strings.Contains(name, "@") {
		return UserIn{name, name}
	}
	return UserIn{ID: name}
}
