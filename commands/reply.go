package commands

import (
	"context"
	"time"

	"refreshbot/jobs/refresh"
)

// Reply is the answer to one person alone, free of any chat system's types. All text in it is plain text.
type Reply struct {
	Refused bool       // what was asked was not done
	Text    string     // the answer, a sentence or two
	Hint    string     // the next step, when there is one
	Targets []Standing // for status
	Help    []Usage    // for help
	History *History   // for history
	About   *About     // for why, and to explain a refresh
	Form    *Form      // to be shown instead of a text
	Listing string     // lines that are shown as they are, in letters of equal width

	// Later returns the rest of the answer, for what takes longer than a person is kept waiting. It is called once
	// the person has the first part, and changes nothing.
	Later  func(ctx context.Context) Reply
	Frozen []Frozen // what keeps a refresh from beginning
}

// Standing is how things are with one target environment.
type Standing struct {
	Target string
	Source string
	Active *refresh.Refresh // nil: none is running
	Last   *refresh.Refresh // the latest that ended, nil: none yet
	Next   time.Time        // when the schedule asks next; zero: no schedule
}

// Usage is one line of help. Help is made from the table of commands.
type Usage struct {
	Form    string // "/refresh status [environment]"
	What    string
	Example string
}
