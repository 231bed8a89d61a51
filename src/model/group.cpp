#include <mdevadm/model/group.hpp>

#include <mdevadm/util/text.hpp>

#include <algorithm>

namespace mdevadm {

std::string sharing_word(Sharing sharing) {
  return sharing == Sharing::off ? "off" : sharing == Sharing::automatic ? "auto" : "require";
}

std::optional<Sharing> parse_sharing(std::string_view word) {
  for (const Sharing sharing : {Sharing::off, Sharing::automatic, Sharing::required}) {
    if (sharing_word(sharing) == word) {
      return sharing;
    }
  }
  return std::nullopt;
}

bool is_group_name(std::string_view text) {
  // A file whose name begins with a dot is not read.
  return is_label(text) && text.front() != '.' && text.find(' ') == std::string_view::npos && is_utf8(text);
}

std::optional<Member> Member::parse(std::string_view text) {
  const std::size_t slash = text.rfind('/');
  const auto uuid = Uuid::parse(slash == std::string_view::npos ? text : text.substr(slash + 1));
  if (!uuid) {
    return std::nullopt;
  }
  if (slash == std::string_view::npos) {
    return Member{*uuid};
  }
  auto parent = ParentName::parse(text.substr(0, slash));
  return parent ? std::optional(Member{*uuid, std::move(parent)}) : std::nullopt;
}

std::string Member::str() const {
  return parent ? parent->str() + "/" + uuid.str() : uuid.str();
}

bool Group::has(const Definition& definition) const {
  return std::any_of(members.begin(), members.end(),
                     [&](const Member& member) { return member.means(definition); });
}

const Group* Groups::find(std::string_view name) const {
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const Group& g) { return g.name.str() == name; });
  return found == all.end() ? nullptr : &*found;
}

const Group* Groups::of(const Definition& definition) const {
  const auto found = std::find_if(all.begin(), all.end(), [&](const Group& g) { return g.has(definition); });
  return found == all.end() ? nullptr : &*found;
}

bool Groups::starts_at_boot(const Definition& definition) const {
  return definition.start == StartMode::automatic || std::any_of(all.begin(), all.end(), [&](const Group& g) {
           return g.start == StartMode::automatic && g.has(definition);
         });
}

std::vector<std::string> Groups::names() const {
  std::vector<std::string> names;
  for (const Group& group : all) {
    names.push_back(group.name.str());
  }
  return names;
}

}  // namespace mdevadm
