# What a GitHub issue says of the ticket of which it was made; other issues are left out.
if (.body // "") | test("\\(Zendesk ticket [0-9]+\\)$") then {
  subject: .title,
  status: (if .state == "closed" then "solved" else "open" end)
} else empty end
