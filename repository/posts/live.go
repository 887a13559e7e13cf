package posts

// LiveSession is the one condition under which a session s gives its user access, as
// SQL: it has not ended, and the user is not disabled. The rows of a disabled user's
// sessions are closed later. The user is found by a scalar subquery, because PostgreSQL
// may make a hash table of all users for EXISTS.
const LiveSession = `s.ended_pos IS NULL AND (SELECT u.disabled_pos IS NULL FROM users u WHERE u.username = s.username)`
