// The interface to the audit of the console's sessions, for millrace_catalog.audit. The server implements it.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace engine {

// A login, logout or change. Texts are as in the log of the server: without secrets and values of rows.
struct AuditLine {
  int64_t number = 0;   // counts the lines since the start of the process, from 1
  int64_t time_ms = 0;  // wall clock
  std::string event;    // "login", "logout", "statement", "request", "deletion"
  std::string user;     // empty on a server without users
  std::string address;  // of the client
  std::string session;  // name of the console's session; empty for a refused login
  std::string outcome;  // "ok", an SQLSTATE, or the reason of a refusal
  std::string text;     // the statement, or the method and path; empty for logins and logouts
};

// Threads: any.
class AuditTrail {
 public:
  virtual ~AuditTrail() = default;
  virtual int64_t node() const = 0;  // 0 on a server without a cluster
  // Returns the newest lines of this node, the oldest of them first.
  virtual std::vector<AuditLine> lines() const = 0;
};

}  // namespace engine
