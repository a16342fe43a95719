package entra

// Renew is what Keep does once a day.
var Renew = (*User).renew
