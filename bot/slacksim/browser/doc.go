// Package browser holds the tests of the demo's page in a real browser: the built program serves it, headless Chromium
// shows it, and the tests use it as people do, with the mouse and with the keyboard. They also make the pictures
// of the documentation.
package browser
