// Package finops talks to one Finance and Operations environment: its OData entities and its custom services.
//
// It retries nothing: whoever calls decides what an error's code allows. Many writes at a time are the exception:
// [Client.WriteAll] packs them into batches, finds out how many the environment bears, and repeats what may be repeated.
//
// What it is careful about is telling apart the ways in which an environment does not help. During and after a
// refresh the same environment is down, up but without our app, up and busy, or up and saying no, and each of
// these calls for something else:
//
//   - [refresh.Offline]: no connection, no reply, a 5xx, or 404 on everything. A restarting application server
//     answers 404 on every path, so a single 404 proves nothing: one more request to Companies decides.
//   - [refresh.Denied]: 401 means that the app is not in the list of Microsoft Entra applications there, which is
//     what a refresh leaves behind when the app was not registered in the source.
//   - [refresh.Throttled]: 429, or 503 with a time to come back.
//   - [refresh.Refused]: the application read the request and said why not.
//   - [refresh.NotFound]: the environment is up and has no such entity, row or operation.
//   - [refresh.Unknown]: a custom service was called, or the import of a data package started, and the reply was lost.
//     OData writes and the companion service's operations can be repeated without harm, so for them a lost reply is
//     Offline.
//
// Error texts come from the environment's own inner message, never with its stack trace, and never hold the token.
//
// Sources: Microsoft's pages "Open Data Protocol (OData)", "Custom service development", "Service protection API
// limits" and "Batch OData API" of the Finance and Operations documentation.
package finops
