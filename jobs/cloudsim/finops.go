package cloudsim

import (
	"net/http"
	"strings"
)

// caller is who a request to F&O acts as.
type caller struct {
	token accessToken
	user  *User
}

// serveFinOps answers one F&O environment that is up. Cloud.mu is held.
func (c *Cloud) serveFinOps(e *environment, r *request) reply {
	who, ok := c.authorise(e, r)
	if !ok {
		return newReply(http.StatusUnauthorized, "", nil).
			with("WWW-Authenticate", `Bearer authorization_uri="`+c.entraURL+"/"+c.opts.Tenant+`/oauth2/authorize"`)
	}
	path := strings.TrimPrefix(r.url.Path, "/")
	head, rest, _ := strings.Cut(path, "/")
	switch {
	case strings.EqualFold(head, "data") && rest == "$batch":
		return c.serveBatch(e, who, r)
	case strings.EqualFold(head, "data"):
		return c.serveOData(e, who, r, rest)
	case strings.EqualFold(path, "api/services") || len(path) >= 13 && strings.EqualFold(path[:13], "api/services/"):
		return c.serveServices(e, who, r, strings.Trim(path[12:], "/"))
	default:
		return newReply(http.StatusNotFound, "text/html", []byte("<html><body>404 - File or directory not found.</body></html>"))
	}
}

// authorise finds the user that a token acts as: an application's through its registration in this environment, a
// person's through the sign-in name. Either way the user must be enabled here.
func (c *Cloud) authorise(e *environment, r *request) (caller, bool) {
	token, ok := c.directory.check(r.header.Get("Authorization"), e.url, r.now)
	if !ok {
		return caller{}, false
	}
	r.app = token.app
	var user *User
	if token.user == "" {
		for _, a := range e.db.AADClients {
			if strings.EqualFold(a.ClientID, token.app) {
				user = e.user(a.UserID)
			}
		}
	} else {
		for i := range e.db.Users {
			if strings.EqualFold(e.db.Users[i].Alias, token.user) {
				user = &e.db.Users[i]
			}
		}
	}
	if user == nil {
		r.user = token.user
		return caller{}, false
	}
	r.user = user.ID
	copied := *user // the row itself may move while the request works
	return caller{token, &copied}, user.Enabled
}
