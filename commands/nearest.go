package commands

import "strings"

// nearest returns the choice, whatever its case, that takes the fewest single-letter changes to reach, if they are few enough for
// a typing error.
func nearest(word string, choices []string) (string, bool) {
	best, at := "", 1+len(word)/3
	for _, c := range choices {
		if d := distance(word, strings.ToLower(c)); d <= at {
			best, at = c, d-1
		}
	}
	return best, best != ""
}

// distance is the Levenshtein distance.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			above := row[j+1]
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			row[j+1] = min(above+1, row[j]+1, cost)
			diagonal = above
		}
	}
	return row[len(b)]
}
