// Package storetest is the contract of engine.Store: the suite that every backend must pass, and the model in
// memory that it is compared with. The model also stands in for a store in the tests of other packages.
package storetest
