// Package lcs speaks to the Lifecycle Services API: start a database refresh, follow it, and read what LCS knows
// of an environment.
//
// The API as documented on Microsoft Learn ("Database Movement API", "Environment metadata", "Environment
// history") answers an authenticated call with HTTP 200 whatever happened; success is the IsSuccess field. It has
// no idempotency key, and a refresh cannot be cancelled, so Start promises more about its errors than usual: see
// there. Nothing in this package retries, but for a read that got a 401: it is made once more with a fresh token.
package lcs
