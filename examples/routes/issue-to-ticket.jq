# A GitHub issue as a Zendesk ticket. A ticket's description is its first comment, which cannot be
# changed afterwards, so it stands here for new tickets only: see docs/routes.md.
{
  subject: .title,
  description: (if (.body // "") == "" then .title else .body end),
  status: (if .state == "closed" then "solved" else "open" end)
}
