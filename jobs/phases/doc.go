// Package phases is what each step of a refresh does to the outside world. It builds the plan, rehearses it without
// changing anything, and performs the steps through the ports below; it neither stores anything nor decides what comes
// next.
package phases
