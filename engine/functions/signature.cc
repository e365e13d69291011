#include "engine/functions/signature.h"

#include <algorithm>
#include <cassert>
#include <cctype>

#include "engine/types/coercion.h"

namespace engine {

namespace {

struct KindWord {
  std::string_view word, shown;
  TypeKind kind;
};
constexpr KindWord kKindWords[] = {
    {"BOOLEAN", "BOOLEAN", TypeKind::Boolean},
    {"INT", "INT", TypeKind::Integer},
    {"BIGINT", "BIGINT", TypeKind::Bigint},
    {"DOUBLE", "DOUBLE", TypeKind::Double},
    {"STRING", "VARCHAR", TypeKind::String},
    {"BYTES", "BYTES", TypeKind::Bytes},
    {"DATE", "DATE", TypeKind::Date},
    {"TIME", "TIME", TypeKind::Time},
    {"TIMESTAMP", "TIMESTAMP", TypeKind::Timestamp},
};

// A recursive-descent parser for the language that signature.h describes.
class SignatureParser {
 public:
  explicit SignatureParser(std::string_view text) : rest_(text) {}

  Signature parse() {
    Signature signature;
    bool has_literals = false;
    expect("(");
    while (!take(")")) {
      signature.parameters.push_back(parameter());
      if (take(";")) {
        signature.column_count = signature.parameters.size();
        has_literals = true;
      } else {
        take(",");
      }
    }
    if (!has_literals) signature.column_count = signature.parameters.size();
    expect("->");
    signature.result = type();
    assert(rest_.empty());
    return signature;
  }

 private:
  SignatureParameter parameter() {
    SignatureParameter parameter;
    parameter.pattern = type();
    modifiers(parameter);
    parameter.name = word();
    modifiers(parameter);
    return parameter;
  }

  void modifiers(SignatureParameter& parameter) {
    if (take("!")) parameter.is_primitive = true;
    if (take("...")) parameter.is_variadic = true;
  }

  TypePattern type() {
    if (take("(")) return lambda();
    const std::string name = word();
    TypePattern pattern;
    for (const KindWord& known : kKindWords) {
      if (known.word != name) continue;
      pattern.type = known.kind;
      return pattern;
    }
    if (name == "DECIMAL") {
      pattern.kind = PatternKind::AnyDecimal;
    } else if (name == "UNIT") {
      pattern.kind = PatternKind::Unit;
    } else if (name == "COMPARABLE") {
      pattern.kind = PatternKind::Generic;
      pattern.letter = kComparable;
    } else if (name == "ARRAY") {
      pattern.kind = PatternKind::Array;
      nested(pattern);
    } else if (name == "MAP") {
      pattern.kind = PatternKind::Map;
      nested(pattern);
    } else if (name == "STRUCT") {
      pattern.kind = PatternKind::Struct;
      fields(pattern);
    } else {
      assert(name.size() == 1 && std::isupper(static_cast<unsigned char>(name[0])));
      pattern.kind = PatternKind::Generic;
      pattern.letter = name[0];
    }
    return pattern;
  }

  TypePattern lambda() {
    TypePattern pattern;
    pattern.kind = PatternKind::Lambda;
    while (!take(")")) {
      pattern.parts.push_back(type());
      take(",");
    }
    expect("=>");
    pattern.parts.push_back(type());
    return pattern;
  }

  void nested(TypePattern& pattern) {
    expect("<");
    while (!take(">")) {
      pattern.parts.push_back(type());
      take(",");
    }
  }

  void fields(TypePattern& pattern) {
    expect("<");
    while (!take(">")) {
      pattern.field_names.push_back(word());
      pattern.parts.push_back(type());
      take(",");
    }
  }

  void skip_blanks() {
    while (!rest_.empty() && rest_.front() == ' ') rest_.remove_prefix(1);
  }
  bool take(std::string_view token) {
    skip_blanks();
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }
  void expect(std::string_view token) {
    [[maybe_unused]] const bool there = take(token);
    assert(there);
  }
  std::string word() {
    skip_blanks();
    size_t size = 0;
    while (size < rest_.size() &&
           (std::isalnum(static_cast<unsigned char>(rest_[size])) || rest_[size] == '_'))
      ++size;
    const std::string found(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return found;
  }

  std::string_view rest_;
};

bool has_order(const SqlType& type) { return !type.is_nested(); }

// Returns whether an argument of type `from` may be coerced to `to`. Strings are converted to
// times, too; a text that is not a time is an error of the row.
bool widens(const SqlType& from, const SqlType& to) {
  if (from.kind() == TypeKind::String && to.is_time_like()) return true;
  return is_implicitly_castable(from, to);
}

}  // namespace

Signature parse_signature(std::string_view text) { return SignatureParser(text).parse(); }

bool TypePattern::has_generic() const {
  return kind == PatternKind::Generic || std::ranges::any_of(parts, &TypePattern::has_generic);
}

std::string TypePattern::to_string() const {
  switch (kind) {
    case PatternKind::Exact:
      for (const KindWord& known : kKindWords)
        if (known.kind == type.kind()) return std::string(known.shown);
      return type.to_string();
    case PatternKind::AnyDecimal:
      return "DECIMAL";
    case PatternKind::Unit:
      return "INTERVALUNIT";
    case PatternKind::Generic:
      return letter == kComparable ? "COMPARABLE" : std::string(1, letter);
    case PatternKind::Array:
      return "ARRAY<" + parts[0].to_string() + ">";
    case PatternKind::Map:
      return "MAP<" + parts[0].to_string() + ", " + parts[1].to_string() + ">";
    case PatternKind::Struct: {
      std::string text = "STRUCT<";
      for (size_t i = 0; i < parts.size(); ++i)
        text += (i == 0 ? "" : ", ") + field_names[i] + " " + parts[i].to_string();
      return text + ">";
    }
    case PatternKind::Lambda: {
      std::string text = "LAMBDA (";
      for (size_t i = 0; i + 1 < parts.size(); ++i)
        text += (i == 0 ? "" : ", ") + parts[i].to_string();
      return text + ") => " + parts.back().to_string();
    }
  }
  return "?";
}

int Signature::variadic() const {
  for (size_t i = 0; i < parameters.size(); ++i)
    if (parameters[i].is_variadic) return static_cast<int>(i);
  return -1;
}

const SignatureParameter* Signature::parameter_for(size_t index, size_t count) const {
  const int variadic_at = variadic();
  if (variadic_at < 0) return count == parameters.size() ? &parameters[index] : nullptr;
  if (count + 1 < parameters.size()) return nullptr;
  const auto first = static_cast<size_t>(variadic_at);
  const size_t repeated = count + 1 - parameters.size();
  if (index < first) return &parameters[index];
  if (index < first + repeated) return &parameters[first];
  return &parameters[index - repeated + 1];
}

std::string Signature::parameters_to_string() const {
  std::string text;
  for (const SignatureParameter& parameter : parameters) {
    if (!text.empty()) text += ", ";
    text += parameter.pattern.to_string();
    if (parameter.is_variadic) text += "...";
    if (!parameter.name.empty()) text += " " + parameter.name;
  }
  return text;
}

const SqlType* Bindings::find(char letter) const {
  for (const auto& [bound, type] : letters_)
    if (bound == letter) return &type;
  return nullptr;
}

void Bindings::bind(char letter, SqlType type) {
  for (auto& [bound, old] : letters_) {
    if (bound != letter) continue;
    old = std::move(type);
    return;
  }
  letters_.emplace_back(letter, std::move(type));
}

bool Bindings::match_generic(char letter, const SqlType& type, bool widen) {
  if (letter == kComparable && !has_order(type)) return false;
  const SqlType* bound = find(letter);
  if (bound == nullptr) {
    bind(letter, type);
    return true;
  }
  if (*bound == type) {
    // for example, a smallint and an INTEGER become INTEGER
    bind(letter, *common_type(*bound, type));
    return true;
  }
  if (!widen) return false;
  if (widens(type, *bound)) return true;
  auto shared = common_type(*bound, type);
  if (!shared) return false;
  bind(letter, *std::move(shared));
  return true;
}

bool Bindings::match(const TypePattern& pattern, const SqlType& type, bool widen) {
  if (type.is_null()) return true;
  switch (pattern.kind) {
    case PatternKind::Exact:
      return type == pattern.type || (widen && widens(type, pattern.type));
    case PatternKind::AnyDecimal: {
      const bool fits = type.kind() == TypeKind::Decimal ||
                        (widen && type.is_numeric() && type.kind() != TypeKind::Double);
      if (fits) decimal_ = common_type(decimal_.value_or(SqlType()), as_decimal_type(type));
      return fits;
    }
    case PatternKind::Generic:
      return match_generic(pattern.letter, type, widen);
    case PatternKind::Array:
      return type.kind() == TypeKind::Array && match(pattern.parts[0], type.element(), widen);
    case PatternKind::Map:
      return type.kind() == TypeKind::Map && match(pattern.parts[0], type.key(), widen) &&
             match(pattern.parts[1], type.value(), widen);
    case PatternKind::Struct: {
      if (type.kind() != TypeKind::Struct || type.fields().size() != pattern.parts.size())
        return false;
      for (size_t i = 0; i < pattern.parts.size(); ++i)
        if (type.fields()[i].name != pattern.field_names[i] ||
            !match(pattern.parts[i], type.fields()[i].type, widen))
          return false;
      return true;
    }
    case PatternKind::Lambda:
    case PatternKind::Unit:
      return false;
  }
  return false;
}

SqlType Bindings::substitute(const TypePattern& pattern) const {
  switch (pattern.kind) {
    case PatternKind::Exact:
      return pattern.type;
    case PatternKind::AnyDecimal:
      return decimal_.value_or(SqlType());
    case PatternKind::Generic: {
      const SqlType* bound = find(pattern.letter);
      return bound == nullptr ? SqlType() : *bound;
    }
    case PatternKind::Array:
      return SqlType::array(substitute(pattern.parts[0]));
    case PatternKind::Map:
      return SqlType::map(substitute(pattern.parts[0]), substitute(pattern.parts[1]));
    case PatternKind::Struct: {
      std::vector<Field> fields;
      for (size_t i = 0; i < pattern.parts.size(); ++i)
        fields.push_back({pattern.field_names[i], substitute(pattern.parts[i])});
      return SqlType::structure(std::move(fields));
    }
    case PatternKind::Unit:
      return SqlType(TypeKind::Bigint);
    case PatternKind::Lambda:
      return {};
  }
  return {};
}

}  // namespace engine
