// The audit of the console: a line of the server's log, and of millrace_catalog.audit, for each login, logout and change.
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"
#include "server/http/console/audit_ring.h"
#include "server/http/message.h"
#include "server/net/tls.h"
#include "server/sql/port.h"

namespace server::http {

struct AuditEntry {
  std::string_view event;  // "login", "logout", "statement", "request"
  std::string_view user = {}, session = {};
  const Channel* channel = nullptr;
  std::string_view text = {};       // the statement with masked secrets, or the method and path
  std::string_view outcome = "ok";  // "ok", an SQLSTATE, or the reason of a refusal
  AuditRing* ring = nullptr;        // gets the line, too; null in some tests
};
// Writes `audit event=login user="ann" address=127.0.0.1 session=0a1b2c3d outcome="ok"`, and the text if it is not
// empty. Control characters and quotes are replaced, so that no value can be mistaken for another field or line.
void write_audit(const AuditEntry& entry);

enum class Masked : uint8_t { Secrets, SecretsAndValues };
// Returns the text of a statement without its secrets: the values of settings with names such as
// 'database.password' are replaced by '***'. SecretsAndValues also replaces all other texts and
// numbers by ?, since a log must not contain values of records.
std::string masked_statement(std::string_view text, Masked masked);

// Returns the callback for the changes of a request; null if the request is not audited.
sql::ChangeAudit audit_of(const Request& request, const Channel* channel);

}  // namespace server::http
