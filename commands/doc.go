// Package commands is what a person may ask or click: the grammar of the slash command, who may do what, and
// the handlers. It knows no chat system: it takes neutral input and returns a neutral Reply.
package commands
