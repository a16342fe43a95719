// Package entra gets access tokens from Microsoft Entra: one client per identity, through MSAL.
//
// A User signs in with a name and a password, which is all that Lifecycle Services accepts. An App signs in with a
// client secret, a certificate or a federated token, which is how Finance and Operations is reached.
//
// Tokens live in MSAL's memory only. Errors never wrap MSAL's own: when it cannot decode a token reply, MSAL's
// error text contains that reply, token included. What is kept of a failure is the AADSTS code, the correlation id
// and a sentence that says what an administrator has to change.
package entra
