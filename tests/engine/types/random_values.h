// Creates random types and values of all kinds, flat and nested, from a seed.
#pragma once
#include <string>
#include <vector>

#include "base/random.h"
#include "engine/types/type.h"
#include "engine/types/value.h"

namespace engine {

inline SqlType random_type(Random& random, int depth) {
  static const SqlType kScalars[] = {TypeKind::Boolean,  TypeKind::Integer,       TypeKind::Bigint,
                                     TypeKind::Double,   SqlType::decimal(30, 6), TypeKind::String,
                                     TypeKind::Bytes,    TypeKind::Date,          TypeKind::Time,
                                     TypeKind::Timestamp};
  const uint64_t choice = random.next() % (depth == 0 ? 10 : 14);
  if (choice < 10) return kScalars[choice];
  if (choice < 12) return SqlType::array(random_type(random, depth - 1));
  if (choice == 12) return SqlType::map(TypeKind::String, random_type(random, depth - 1));
  std::vector<Field> fields;
  for (uint64_t i = 0; i <= random.next() % 10; ++i)
    fields.push_back({"F" + std::to_string(i), random_type(random, depth - 1)});
  return SqlType::structure(std::move(fields));
}

// Returns a random value of the type, which is null in one of six cases.
inline Value random_value(Random& random, const SqlType& type) {
  if (random.next() % 6 == 0) return {};
  const uint64_t bits = random.next() >> (random.next() % 64);  // small and large numbers
  const size_t count = random.next() % 4;
  switch (type.kind()) {
    case TypeKind::Boolean:
      return Value::boolean(bits % 2 == 0);
    case TypeKind::Integer:
    case TypeKind::Date:
    case TypeKind::Time:
      return Value::integer(static_cast<int32_t>(bits));
    case TypeKind::Bigint:
    case TypeKind::Timestamp:
      return Value::bigint(static_cast<int64_t>(bits));
    case TypeKind::Double:
      return Value::number(static_cast<double>(bits) / -7);
    case TypeKind::Decimal:
      return Value::decimal(static_cast<Int128>(bits) * -3, type.scale());
    case TypeKind::Array: {
      ValueList items;
      while (items.size() < count) items.push_back(random_value(random, type.element()));
      return Value::list(std::move(items));
    }
    case TypeKind::Map: {
      ValueMap entries;
      while (entries.size() < count)
        entries.emplace_back(Value::text("key " + std::to_string(entries.size())),
                             random_value(random, type.value()));
      return Value::map(std::move(entries));
    }
    case TypeKind::Struct: {
      ValueList fields;
      for (const Field& field : type.fields()) fields.push_back(random_value(random, field.type));
      return Value::list(std::move(fields));
    }
    default:
      return Value::text(std::string(count * 30, static_cast<char>(bits)));
  }
}

}  // namespace engine
