// Finds the schemas that the records of a request to REST proxy v3 name. A record names a schema by
// its id, by subject and version, or by its text; a text is registered first.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "engine/formats/json/json_tree.h"
#include "engine/registry/registrar.h"
#include "server/http/exchange.h"
#include "server/http/proxy/payload.h"
#include "server/http/proxy/proxy_view.h"
#include "server/http/registry/registry_view.h"
#include "server/net/loop.h"

namespace server::http {

// Registers the schema under the subject. `done` is called on `loop` with the id of the schema, or
// with the registry's error.
void register_under(const std::string& subject, const engine::RegisteredSchema& schema,
                    const RegistryView& registry, Loop& loop,
                    std::function<void(engine::RegistryResult<int32_t>)> done);

// Threads: the connection's loop.
class RecordSchemas {
 public:
  RecordSchemas(const ProxyView& view, const ExchangeContext& context, std::string topic);

  struct Found {
    std::optional<WrittenSchema> schema = {};  // nothing: no member of the request names a schema
    // True while the text of the schema is being registered. When the registration has ended, the
    // responder is woken, and the caller calls find() again.
    bool is_pending = false;
  };
  // Whether a registration is under way.
  bool is_waiting() const { return is_pending(key_text_) || is_pending(value_text_); }
  // Finds the schema that `node` (the key or value of a record) names with "schema_id", with
  // "schema_version", or with "schema" (the text of a schema). "schema_version" and "schema" belong
  // to a subject, which "subject" names; the default is TOPIC-key or TOPIC-value. Fails with
  // InvalidParameter if the schema does not exist, or if the registry rejects the text.
  Result<Found> find(Embedded format, engine::Side side, const engine::JsonTree& node);

 private:
  // The text that was registered last, with the id that it got or the error of the registry.
  struct RegisteredText {
    std::string subject, text;
    engine::SchemaKind kind = engine::SchemaKind::Avro;
    std::optional<Result<int32_t>> id = {};  // nothing: the registration is in progress
  };

  Result<Found> of_id(Embedded format, int32_t id) const;
  Result<Found> of_text(Embedded format, const std::string& subject, const std::string& text,
                        std::shared_ptr<RegisteredText>& last);
  static bool is_pending(const std::shared_ptr<RegisteredText>& text) { return text && !text->id; }
  void register_text(const std::shared_ptr<RegisteredText>& text);

  const ProxyView& view_;
  const ExchangeContext context_;
  const std::string topic_;
  // The callbacks of registrations hold weak pointers to these texts, because the connection may
  // end before a callback is called.
  std::shared_ptr<RegisteredText> key_text_, value_text_;
};

}  // namespace server::http
