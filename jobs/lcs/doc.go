// Package lcs speaks to the Lifecycle Services API: start a database refresh, follow it, and read what LCS knows
// of an environment.
//
// The API as documented on Microsoft Learn ("Database Movement API", "Environment metadata", "Environment
// history") answers an authenticated call with HTTP 200 whatever happened; success is the IsSuccess field. It has
// no idempotency key, and a refresh cannot be cancelled, so Start promises more about its errors than usual: see
// there. Nothing in this package retries, and a 401 does not fetch a second token; that is for the caller.
package lcs
