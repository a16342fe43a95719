// Package spell finds what somebody who made a typing error may have meant.
package spell

import "strings"

// Nearest returns the choice, whatever its case, that takes the fewest single-letter changes to reach from word, if
// they are few enough for a typing error: one, and one more for every three letters. The first of equals wins.
func Nearest(word string, choices []string) (string, bool) {
	best, limit := "", 2+len(word)/3
	for _, c := range choices {
		if d := Distance([]rune(strings.ToLower(word)), []rune(strings.ToLower(c)), limit); d < limit {
			best, limit = c, d
		}
	}
	return best, best != ""
}

// Distance is the Levenshtein distance, or limit if it is not less than that.
func Distance(a, b []rune, limit int) int {
	if limit <= 0 || len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return max(limit, 0)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range a {
		diagonal, least := row[0], i+1
		row[0] = i + 1
		for j := range b {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(diagonal+1, row[j]+1, cost)
			least = min(least, row[j+1])
		}
		if least >= limit {
			return limit
		}
	}
	return min(row[len(b)], limit)
}
