package commands

import (
	"context"
	"time"

	"refreshbot/jobs/refresh"
	"refreshbot/jobs/schedule"
)

// Reply is the answer to one person alone, free of any chat system's types. All text in it is plain text.
type Reply struct {
	Refused   bool         // what was asked was not done
	Passing   bool         // with Refused: for a reason that may pass by itself, so that the same may be taken later
	Text      string       // the answer, a sentence or two
	Name      string       // what a list is, in a few words; it names the file with all of it
	At        time.Time    // the time that Text speaks of, shown in the reader's own zone as well; zero: none
	Hint      string       // the next step, when there is one
	Buttons   []Button     // to go on with
	Targets   []Standing   // for status
	Help      []Usage      // for help
	Plan      *Plan        // for plan
	History   *History     // for history
	About     *About       // for why, and to explain a refresh
	Form      *Form        // to be shown instead of a text
	Listing   string       // lines that are shown as they are, in letters of equal width
	Admins    []string     // ids of those who can help
	Blackouts []InBlackout // what keeps a refresh from beginning
	Items     []Item       // a list of things of one kind

	// Complaints are what is wrong with what was filled in, by the id of the input. The form stays open.
	Complaints map[string]string

	// Later is what takes longer than a person is kept waiting: it is called once the rest is shown, and its reply
	// replaces the form or follows the text. It changes nothing. Nil: the reply is complete.
	Later func(ctx context.Context) Reply
}

// Item is one of a list, with what can be done about it.
type Item struct {
	Title   string
	Facts   []Fact
	Buttons []Button
}

// Button is a way to go on from a reply. Pressing it sends a line, as if the person had typed it.
type Button struct {
	Text string // a verb, a few words
	Line string // what follows /refresh; empty: nothing is to be done, and the reply goes away
	Main bool   // what most people want
	Sure string // asked before it counts; empty: it counts at once
}

// Standing is how things are with one target environment.
type Standing struct {
	Target string
	Source string
	Active *refresh.Refresh // nil: none is running
	Last   *refresh.Refresh // the latest that ended, nil: none yet
	Next   time.Time        // when the schedule comes due next; zero: no schedule

	Schedules []schedule.Standing
	Blackouts []refresh.Blackout // those that have not ended, the earliest first
	Starts    *refresh.Quota     // nil: not known
	Unread    string             // what of it cannot be read, in a sentence; empty: all can
}

// Usage is one line of help. Help is made from the table of commands.
type Usage struct {
	Form    string // "/refresh status [environment]"
	What    string
	Example string
}
