// Package phases is what each step of a refresh does to the outside world, a file per phase. It builds the plan
// and performs the steps through the ports below; it neither stores anything nor decides what comes next.
package phases
