#include "engine/expr/zones.h"

#include "engine/expr/binder.h"
#include "engine/functions/adapters.h"
#include "engine/functions/session_zone.h"
#include "engine/types/blanks.h"
#include "engine/types/postgres_texts.h"
#include "engine/types/text_time.h"
#include "engine/types/zoned_texts.h"

namespace engine {

namespace {

int64_t clock_at(const KernelCall& call, PerBatch<CallZone>& zones, int64_t instant) {
  return clock_of_instant(zones->of(call), instant);
}
int64_t instant_of(const KernelCall& call, PerBatch<CallZone>& zones, int64_t clock) {
  return instant_of_clock(zones->of(call), clock);
}

BoundExpression converted(Kernel kernel, SqlType type, BoundExpression bound) {
  const TextPosition position = bound.position;
  BoundExpression made = call_expression(kernel, std::move(type), {}, position);
  made.can_fail = false;
  made.absorbs_errors = true;
  made.children.push_back(std::move(bound));
  return made;
}

// Returns the value of a text in ISO form; nothing if the text is not valid, or is infinite.
std::optional<Value> value_of_iso(std::string_view iso, const ZoneClock* zone,
                                  const SqlType& type) {
  if (type.kind() == TypeKind::Date) {
    const auto days = parse_days(iso);
    return days ? std::optional(Value::integer(*days)) : std::nullopt;
  }
  const auto us = is_instant(type) ? parse_instant_us_in(zone, iso)
                                   : parse_instant_us(iso, Zones::Dropped, "timestamp");
  const bool is_finite = us && !is_infinite_instant(*us);
  return is_finite ? std::optional(Value::bigint(ms_of_us(*us))) : std::nullopt;
}

}  // namespace

void clock_kernel(KernelCall& call) { row_kernel<clock_at>(call); }
void instant_kernel(KernelCall& call) { row_kernel<instant_of>(call); }

BoundExpression as_clock(BoundExpression instant) {
  return converted(clock_kernel, SqlType(TypeKind::Timestamp).labelled(label::kTimestamp),
                   std::move(instant));
}
BoundExpression as_instant(BoundExpression clock) {
  return converted(instant_kernel, TypeKind::Timestamp, std::move(clock));
}

BoundExpression with_zone_of(const SqlType& type, BoundExpression bound) {
  if (is_instant(type) && is_clock(bound.type)) return as_instant(std::move(bound));
  if (is_clock(type) && is_instant(bound.type)) return as_clock(std::move(bound));
  return bound;
}

std::optional<Value> literal_in(const Scope& scope, const BoundExpression& literal,
                                const SqlType& type) {
  if (!scope.texts_take_types || literal.kind != BoundKind::Literal || literal.literal.is_null())
    return std::nullopt;
  const ZoneClock* const zone = scope.forms.zone.get();
  if (zone && literal.type.kind() == TypeKind::Date && is_instant(type))
    return Value::bigint(zone->instant_ms(literal.literal.as_int32() * kMsPerDay));
  if (literal.type.kind() != TypeKind::String || is_normalized(literal.type)) return std::nullopt;
  const std::string& text = literal.literal.as_string();
  if (has_forms(type)) {
    auto kept = normalized_text_in(scope.forms, type, text);
    return kept ? std::optional(Value::text(*std::move(kept))) : std::nullopt;
  }
  if (type.kind() == TypeKind::Boolean) {  // `1` and `on` mean true, and other words are an error
    const auto truth = parse_boolean_of_postgres(without_blanks(text));
    return truth ? std::optional(Value::boolean(*truth)) : std::nullopt;
  }
  if (type.kind() != TypeKind::Date && type.kind() != TypeKind::Timestamp) return std::nullopt;
  std::string buffer;
  const auto iso = iso_text(text, scope.forms.date_order, buffer);
  const bool is_decided = iso && (!buffer.empty() || (zone && is_instant(type)));
  if (!is_decided) return std::nullopt;
  return value_of_iso(*iso, zone, type);
}

std::optional<Value> written_time(DateOrder order, const ZoneClock* zone, std::string_view text,
                                  const SqlType& type) {
  if (type.kind() != TypeKind::Date && type.kind() != TypeKind::Timestamp) return std::nullopt;
  std::string buffer;
  const auto iso = iso_text(text, order, buffer);
  return iso ? value_of_iso(*iso, zone, type) : std::nullopt;
}

std::string time_forms(const SqlType& type) {
  switch (type.kind()) {
    case TypeKind::Date:
      return "Use the form yyyy-MM-dd.";
    case TypeKind::Time:
      return "Use the form HH:mm:ss.SSS, which can be shortened from the right.";
    default:
      return "Use the form yyyy-MM-dd'T'HH:mm:ss.SSS, which can be shortened from the right.";
  }
}

Error bad_time(const std::string& text, const SqlType& type) {
  return Error{ErrorCode::InvalidDatetime,
               "invalid input syntax for type " + shown(type) + ": \"" + text + "\""}
      .with_hint(time_forms(type));
}

// In a continuous query a text that cannot be read as a time would fail for every row, so the query is refused. Texts
// are read in the dialect's form, then in PostgreSQL's forms, both in UTC.
Status Binder::read_time_as(BoundItem& item, const SqlType& type) const {
  const auto* text = item.source->as<StringLiteral>();
  if (!text || !scope_.checks_values || !type.is_time_like()) return {};
  if (item.bound.kind != BoundKind::Literal || item.bound.type.kind() != TypeKind::String)
    return {};
  BoundExpression read = cast_or_fold(item.bound, type);
  if (read.kind != BoundKind::Literal) {
    auto value = written_time(DateOrder::Mdy, nullptr, text->value, type);
    if (!value) return bad_time(text->value, type).at(item.source->position);
    read = literal_expression(type, *std::move(value));
  }
  item.bound = std::move(read);
  return {};
}

}  // namespace engine
