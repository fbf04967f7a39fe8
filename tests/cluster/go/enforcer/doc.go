// Package enforcer only names, in its go.mod, what the tests' cluster builds.
package enforcer
