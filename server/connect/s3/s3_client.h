// Requests to one bucket of S3 or a compatible service.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "engine/connect/s3/s3_sink_properties.h"
#include "server/connect/ports.h"
#include "server/connect/s3/signature.h"
#include "server/http_client/http_thread.h"

namespace server {

// An answer of the service.
struct S3Answer {
  int status = 0;     // 0: no answer
  std::string error;  // the reason why no answer arrived
  std::string body;   // the first 64 KB
};

// Returns the text of the first element with this name; empty if it is absent. The services answer with flat XML.
std::string s3_xml_text(std::string_view xml, std::string_view element);

// Returns the error for an answer that is not successful. Its code is permanent if a repetition cannot
// help: see is_permanent(). `now_ms` is the time of this machine, for an answer that reports a wrong clock.
Error s3_error(const engine::S3Bucket& bucket, const S3Answer& answer, int64_t now_ms);

// A request is repeated as often as the properties of the bucket allow. ShuttingDown: the task must stop.
//
// Threads: one. Owner: a writer, or the check of a new connector.
class S3Client {
 public:
  // `may_reach_private_addresses`: without it, requests to loopback, link-local and private addresses are refused.
  S3Client(engine::S3Bucket bucket, bool may_reach_private_addresses, const Clock& clock,
           TaskWait wait);

  // Checks that the bucket exists and that the credentials may list it.
  Status check_bucket();
  // Returns whether the bucket has an object with this name.
  Result<bool> has_object(const std::string& name);
  // Stores an object, which replaces one with the same name. It is durable and visible as a whole.
  Status put_object(const std::string& name, const std::string& bytes);

 private:
  Result<S3Answer> ask(const S3Request& request);
  Result<S3Answer> ask_once(const S3Request& request);
  S3Request request_for(std::string method, const std::string& object) const;
  Error error_of(const S3Answer& answer) const;

  const engine::S3Bucket bucket_;
  const bool may_reach_private_addresses_;
  const Clock& clock_;
  const TaskWait wait_;
  std::string scheme_, host_;
  HttpThread http_;
};

}  // namespace server
