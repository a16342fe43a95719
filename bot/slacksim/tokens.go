package slacksim

import "slices"

// apiError is one refusal of the Web API: Slack's error name plus whatever else the answer carries.
type apiError struct {
	code  string
	extra obj
}

func (e *apiError) Error() string { return e.code }

func fail(code string) error { return &apiError{code: code} }

// tokenKind says whose token a request carried.
type tokenKind string

const (
	tokenNone    tokenKind = "none"
	tokenBot     tokenKind = "bot"
	tokenApp     tokenKind = "app"
	tokenUnknown tokenKind = "unknown"
)

// kindOf says whose token it is. The lock is held.
func (s *Server) kindOf(token string) tokenKind {
	switch token {
	case "":
		return tokenNone
	case s.opts.BotToken:
		return tokenBot
	case s.opts.AppToken:
		return tokenApp
	}
	return tokenUnknown
}

// checkToken refuses every token but the wanted one. The lock is held.
func (s *Server) checkToken(got, want tokenKind) error {
	switch {
	case got == tokenNone:
		return fail("not_authed")
	case got == tokenUnknown:
		return fail("invalid_auth")
	case s.revoked, s.barred && got == tokenBot:
		return fail("token_revoked")
	case got != want:
		return fail("not_allowed_token_type")
	}
	return nil
}

// needScope refuses when the bot token lacks the scope. The lock is held.
func (s *Server) needScope(scope string) error {
	if slices.Contains(s.scopes, scope) {
		return nil
	}
	return &apiError{code: "missing_scope", extra: obj{"needed": scope, "provided": join(s.scopes)}}
}

func (s *Server) scopesOf(k tokenKind) []string {
	switch k {
	case tokenBot:
		return s.scopes
	case tokenApp:
		return []string{"connections:write"}
	}
	return nil
}
