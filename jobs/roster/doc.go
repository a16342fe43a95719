// Package roster reads lists of the users to let in and matches them with the users of an environment.
//
// A list is a CSV or XLSX file that a person made, so reading forgives what people do to files (encodings,
// separators, blanks, letter case) and refuses, with the place and the remedy, what would let in the wrong
// user or lose one. The package writes nothing: Resolve returns a preview.
package roster
