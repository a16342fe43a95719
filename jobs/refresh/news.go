package refresh

import "time"

// News is something about a target environment that happened outside of any refresh, for the people in its channel.
type News struct {
	Key      string    `json:"key"` // names it: the same news is told once
	Target   string    `json:"target"`
	Kind     NewsKind  `json:"kind"`
	At       time.Time `json:"at"`
	By       Person    `json:"by,omitzero"` // who did it; zero: refreshbot itself
	Schedule string    `json:"schedule,omitempty"`
	Times    string    `json:"times,omitempty"` // when the schedule comes due, in words
	Due      time.Time `json:"due,omitzero"`    // the time of the schedule that this is about
	Next     time.Time `json:"next,omitzero"`   // the one after it, or where it was moved
	Why      string    `json:"why,omitempty"`
	Blackout Blackout  `json:"blackout,omitzero"`
	For      []Person  `json:"for,omitempty"` // who is to notice
}

// NewsKind says what happened.
type NewsKind string

// The kinds of news.
const (
	NewsScheduled   NewsKind = "scheduled"    // a person made a schedule
	NewsPaused      NewsKind = "paused"       // a schedule
	NewsResumed     NewsKind = "resumed"      // a schedule
	NewsSkipped     NewsKind = "skipped"      // a person skipped the next time
	NewsRemoved     NewsKind = "removed"      // a schedule
	NewsInBlackout  NewsKind = "in_blackout"  // a time was skipped because of a blackout
	NewsPostponed   NewsKind = "postponed"    // a time was moved behind a blackout
	NewsMissed      NewsKind = "missed"       // a time passed while refreshbot was not running
	NewsBusy        NewsKind = "busy"         // a time came while another refresh was running
	NewsNotPossible NewsKind = "not_possible" // asking was refused
	NewsFrozen      NewsKind = "frozen"
	NewsUnfrozen    NewsKind = "unfrozen"
)
