package slacksim

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gorilla/websocket"
)

// rawConn is a bare WebSocket to the simulator, for what clients hide.
type rawConn struct {
	*websocket.Conn
	url string
}

func dial(b *bundle) *rawConn {
	b.t.Helper()
	req, _ := http.NewRequestWithContext(b.ctx, http.MethodPost, b.APIURL()+"apps.connections.open", nil)
	req.Header.Set("Authorization", "Bearer "+b.AppToken())
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var open struct {
		OK  bool
		URL string
	}
	if err := json.NewDecoder(resp.Body).Decode(&open); err != nil || !open.OK {
		b.t.Fatalf("apps.connections.open: %+v %v", open, err)
	}
	//nolint:bodyclose // of a handshake; gorilla/websocket says it needs no closing
	ws, hs, err := websocket.DefaultDialer.DialContext(b.ctx, open.URL+"&debug_reconnects=true", http.Header{"Origin": {"https://api.slack.com"}})
	if err != nil {
		b.t.Fatalf("dial: %v %+v", err, hs)
	}
	return &rawConn{ws, open.URL}
}

func redial(c *rawConn) error {
	//nolint:bodyclose // as above
	ws, _, err := websocket.DefaultDialer.Dial(c.url, nil)
	if err == nil {
		return errors.Join(ws.Close(), nil)
	}
	return fmt.Errorf("dial: %w", err)
}

func writePing(c *rawConn) error {
	return c.WriteControl(websocket.PingMessage, []byte("from client"), time.Now().Add(time.Second))
}
