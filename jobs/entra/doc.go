// Package entra gets access tokens from Microsoft Entra: one client per identity, through MSAL.
//
// A User is the account that Lifecycle Services wants, since it takes no application: it signs in with a name and a
// password, or a person signs it in with a device code. An App signs in with a client secret, a certificate or a
// federated token, which is how Finance and Operations is reached.
//
// Tokens live in MSAL's memory only, but for those of a person's sign-in: they are kept in the store, encrypted, so that
// nobody has to sign in after each restart. Errors never wrap MSAL's own: when it cannot decode a token reply, MSAL's
// error text contains that reply, token included. What is kept of a failure is the AADSTS code, the correlation id
// and a sentence that says what an administrator has to change.
package entra
