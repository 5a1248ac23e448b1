// The whole round that a mobile developer walks, with the official client library as it comes from npm:
//
//     node sdk_round.mjs URL EMAIL PASSWORD
//
// Makes collections as the superuser, signs up and in as a user, stores, queries, expands, watches and deletes
// records, uploads and downloads a file, and tries wrong input. Prints one line for each step; exits 1 at the first
// thing that is not as it should be. Everything it makes carries a suffix, so it can run on a server with data.

import assert from "node:assert/strict"
import { EventSource } from "eventsource"
import PocketBase, { ClientResponseError } from "pocketbase"

globalThis.EventSource = EventSource

const [url, email, password] = process.argv.slice(2)
const suffix = Math.random().toString(36).slice(2, 8).padEnd(6, "x")
const posts = `posts_${suffix}`
const comments = `comments_${suffix}`
const people = `people_${suffix}`

const admin = new PocketBase(url)
const ada = new PocketBase(url)
const bob = new PocketBase(url)
const guest = new PocketBase(url)
for (const client of [admin, ada, bob, guest]) client.autoCancellation(false)

async function refused(promise, status, check = () => {}) {
  const error = await promise.then(
    () => assert.fail(`expected a refusal with ${status}`),
    (reason) => reason,
  )
  assert.ok(error instanceof ClientResponseError, String(error))
  assert.equal(error.status, status, JSON.stringify(error.response))
  assert.equal(error.response.status ?? error.response.code, status) // the library's own 404 says `code`
  assert.equal(typeof error.response.message, "string")
  assert.equal(typeof error.response.data, "object")
  check(error.response.data)
}

function waiter() {
  const events = []
  let wake = () => {}
  return {
    take: (event) => {
      events.push(event)
      wake()
    },
    events,
    until: async (count) => {
      const end = Date.now() + 5000
      while (events.length < count && Date.now() < end) {
        await new Promise((resolve) => {
          wake = resolve
          setTimeout(resolve, 50)
        })
      }
      assert.equal(events.length, count, JSON.stringify(events))
      return events
    },
  }
}

const steps = {
  "the server says it is healthy": async () => {
    const health = await guest.health.check()
    assert.equal(health.code, 200)
  },

  "the superuser signs in": async () => {
    await refused(admin.collection("_superusers").authWithPassword(email, "wrong-password"), 400)
    const signedIn = await admin.collection("_superusers").authWithPassword(email, password)
    assert.equal(signedIn.record.email, email)
    assert.ok(admin.authStore.isValid && admin.authStore.isSuperuser)
  },

  "collections are made": async () => {
    const mine = "@request.auth.id != '' && owner = @request.auth.id"
    await admin.collections.create({
      name: people,
      type: "auth",
      listRule: "id = @request.auth.id",
      viewRule: "id = @request.auth.id",
      createRule: "",
      updateRule: "id = @request.auth.id",
      fields: [{ name: "nick", type: "text", max: 30 }],
      authAlert: { enabled: false },
    })
    const owner = (await admin.collections.getOne(people)).id
    await admin.collections.create({
      name: posts,
      type: "base",
      listRule: `public = true || ${mine}`,
      viewRule: `public = true || ${mine}`,
      createRule: mine,
      updateRule: mine,
      deleteRule: mine,
      fields: [
        { name: "title", type: "text", required: true, max: 40 },
        { name: "views", type: "number" },
        { name: "public", type: "bool" },
        { name: "tags", type: "select", maxSelect: 3, values: ["red", "green", "blue"] },
        { name: "meta", type: "json" },
        { name: "spot", type: "geoPoint" },
        { name: "when", type: "date" },
        { name: "owner", type: "relation", collectionId: owner, maxSelect: 1, cascadeDelete: true },
        { name: "cover", type: "file", maxSelect: 1, maxSize: 2000, mimeTypes: ["text/plain"] },
        { name: "created", type: "autodate", onCreate: true },
        { name: "updated", type: "autodate", onCreate: true, onUpdate: true },
      ],
      indexes: [`CREATE UNIQUE INDEX idx_${posts}_title ON ${posts} (title)`],
    })
    const post = (await admin.collections.getOne(posts)).id
    await admin.collections.create({
      name: comments,
      type: "base",
      listRule: "",
      viewRule: "",
      createRule: "@request.auth.id != ''",
      fields: [
        { name: "text", type: "text", required: true },
        { name: "post", type: "relation", collectionId: post, maxSelect: 1, cascadeDelete: true },
      ],
    })
    const all = await admin.collections.getFullList()
    for (const name of [people, posts, comments]) assert.ok(all.some((one) => one.name === name))
  },

  "two people sign up and in": async () => {
    for (const [client, nick] of [[ada, "ada"], [bob, "bob"]]) {
      const body = { email: `${nick}_${suffix}@example.com`, password: `${nick}-password`, nick }
      await refused(guest.collection(people).create({ ...body, passwordConfirm: "other" }), 400, (fields) => {
        assert.ok(fields.passwordConfirm.code)
      })
      const made = await guest.collection(people).create({ ...body, passwordConfirm: body.password })
      assert.equal(made.email, undefined)
      await client.collection(people).authWithPassword(body.email, body.password)
      assert.equal(client.authStore.record.id, made.id)
      assert.equal(client.authStore.record.email, body.email)
    }
  },

  "a session is refreshed": async () => {
    const before = ada.authStore.record.id
    await ada.collection(people).authRefresh()
    assert.ok(ada.authStore.isValid)
    assert.equal(ada.authStore.record.id, before)
  },

  "the ways to sign in are listed": async () => {
    const methods = await guest.collection(people).listAuthMethods()
    assert.equal(methods.password.enabled, true)
    assert.deepEqual(methods.password.identityFields, ["email"])
  },

  "records are stored and read back as they were": async () => {
    const body = {
      title: "First",
      views: 1.5,
      public: true,
      tags: ["red", "blue"],
      meta: { deep: [1, { x: null }] },
      spot: { lon: 13.4, lat: 52.5 },
      when: "2026-01-02 03:04:05.678Z",
      owner: ada.authStore.record.id,
    }
    const made = await ada.collection(posts).create(body)
    const read = await ada.collection(posts).getOne(made.id)
    for (const [name, value] of Object.entries(body)) assert.deepEqual(read[name], value, name)
    assert.equal(read.id.length, 15)
    assert.match(read.created, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z$/)
    await ada.collection(posts).create({ title: "Second", views: 20, owner: ada.authStore.record.id })
    await bob.collection(posts).create({ title: "Third's \"own\"", views: 30, public: true, owner: bob.authStore.record.id })
  },

  "rules decide who sees what": async () => {
    const titles = async (client) => (await client.collection(posts).getFullList({ sort: "views" })).map((p) => p.title)
    assert.deepEqual(await titles(guest), ["First", "Third's \"own\""])
    assert.deepEqual(await titles(ada), ["First", "Second", "Third's \"own\""])
    assert.deepEqual(await titles(admin), ["First", "Second", "Third's \"own\""])
    assert.equal((await guest.collection(people).getFullList()).length, 0)
  },

  "queries filter, sort, page and pick": async () => {
    const filter = ada.filter("views > {:views} && title ~ {:title}", { views: 1, title: "'s \"own" })
    assert.equal((await ada.collection(posts).getFirstListItem(filter)).views, 30)
    const page = await ada.collection(posts).getList(2, 2, { sort: "-views", fields: "title" })
    assert.deepEqual(page.items, [{ title: "First" }])
    assert.deepEqual([page.page, page.perPage, page.totalItems, page.totalPages], [2, 2, 3, 2])
    const uncounted = await ada.collection(posts).getList(1, 1, { skipTotal: true })
    assert.equal(uncounted.totalItems, -1)
    const tagged = await guest.collection(posts).getFullList({ filter: "tags:length > 1 && when < @now && spot.lat > 50" })
    assert.deepEqual(tagged.map((post) => post.title), ["First"])
    await refused(guest.collection(posts).getFirstListItem("title = 'nowhere'"), 404)
  },

  "relations are expanded both ways": async () => {
    const post = await ada.collection(posts).getFirstListItem("title = 'First'")
    await bob.collection(comments).create({ text: "Nice", post: post.id })
    await bob.collection(comments).create({ text: "Very", post: post.id })
    const read = await ada.collection(posts).getOne(post.id, { expand: `owner,${comments}_via_post` })
    assert.equal(read.expand.owner.nick, "ada")
    assert.deepEqual(read.expand[`${comments}_via_post`].map((c) => c.text).sort(), ["Nice", "Very"])
    const comment = await ada.collection(comments).getFirstListItem("text = 'Nice'", { expand: "post.owner" })
    assert.equal(comment.expand.post.expand.owner.nick, "ada")
  },

  "records are changed by their owner only": async () => {
    const post = await ada.collection(posts).getFirstListItem("title = 'First'")
    const changed = await ada.collection(posts).update(post.id, { "views+": 2, "tags-": "red", "tags+": "green" })
    assert.equal(changed.views, 3.5)
    assert.deepEqual(changed.tags, ["blue", "green"])
    assert.ok(changed.updated >= post.updated && changed.created === post.created)
    await refused(bob.collection(posts).update(post.id, { title: "Mine" }), 404)
    await refused(guest.collection(posts).delete(post.id), 404)
  },

  "wrong input gets a clear refusal": async () => {
    const owner = ada.authStore.record.id
    await refused(ada.collection(posts).create({ owner }), 400, (fields) => {
      assert.equal(fields.title.code, "validation_required")
    })
    await refused(ada.collection(posts).create({ title: "First", owner }), 400, (fields) => {
      assert.equal(fields.title.code, "validation_not_unique")
    })
    await refused(ada.collection(posts).create({ title: "x".repeat(41), tags: ["purple"], owner }), 400, (fields) => {
      assert.ok(fields.title.code && fields.tags.code)
    })
    await refused(ada.collection(posts).create({ title: "Not mine", owner: bob.authStore.record.id }), 400)
    await refused(ada.collection(posts).getList(1, 10, { filter: "title = " }), 400)
    await refused(ada.collection(posts).getList(1, 10, { sort: "nowhere" }), 400)
    await refused(ada.collection(`nowhere_${suffix}`).getList(), 404)
    await refused(ada.collection(posts).getOne("nowhere"), 404)
    await refused(guest.collections.getFullList(), 401)
    await refused(ada.collections.getFullList(), 403)
    await refused(guest.send("/api/nowhere", {}), 404)
  },

  "changes arrive live, to those who may see them": async () => {
    const [seenByGuest, seenByAda, one] = [waiter(), waiter(), waiter()]
    await guest.collection(posts).subscribe("*", seenByGuest.take)
    await ada.collection(posts).subscribe("*", seenByAda.take, { fields: "id,title", query: { probe: 1 } })
    const hidden = await ada.collection(posts).create({ title: "Hidden", owner: ada.authStore.record.id })
    await ada.collection(posts).subscribe(hidden.id, one.take, { expand: "owner" })
    await ada.collection(posts).update(hidden.id, { public: true })
    await ada.collection(posts).delete(hidden.id)
    const actions = (events) => events.map((event) => event.action).sort() // PocketBase leaves the order open
    const forAda = await seenByAda.until(3)
    assert.deepEqual(actions(forAda), ["create", "delete", "update"])
    assert.deepEqual(Object.keys(forAda[0].record).sort(), ["id", "title"])
    assert.deepEqual(actions(await seenByGuest.until(2)), ["delete", "update"])
    assert.equal((await one.until(2))[0].record.expand.owner.nick, "ada")
    await ada.collection(posts).unsubscribe()
    await guest.realtime.unsubscribe()
    const last = await ada.collection(posts).create({ title: "Unwatched", owner: ada.authStore.record.id })
    await ada.collection(posts).delete(last.id)
    await new Promise((resolve) => setTimeout(resolve, 200))
    assert.equal(seenByAda.events.length, 3)
  },

  "a file is uploaded, downloaded, replaced and removed": async () => {
    const post = await ada.collection(posts).getFirstListItem("title = 'First'")
    const file = (words) => new File([words], "My Notes.txt", { type: "text/plain" })
    const stored = await ada.collection(posts).update(post.id, { cover: file("first words") })
    assert.match(stored.cover, /^my_notes_[a-z0-9]{10}\.txt$/i)
    const link = ada.files.getURL(stored, stored.cover)
    assert.equal(await (await fetch(link)).text(), "first words")
    const form = new FormData()
    form.append("cover", file("second words"))
    form.append("title", "First, with a file")
    const replaced = await ada.collection(posts).update(post.id, form)
    assert.equal(replaced.title, "First, with a file")
    assert.equal((await fetch(link)).status, 404)
    const newLink = ada.files.getURL(replaced, replaced.cover)
    assert.equal(await (await fetch(newLink)).text(), "second words")
    await refused(ada.collection(posts).update(post.id, { cover: file("x".repeat(2001)) }), 400, (fields) => {
      assert.ok(fields.cover.code)
    })
    await ada.collection(posts).update(post.id, { cover: null })
    assert.equal((await fetch(newLink)).status, 404)
  },

  "a new password ends the old session": async () => {
    const stale = new PocketBase(url)
    stale.authStore.save(bob.authStore.token, bob.authStore.record)
    await refused(bob.collection(people).update(bob.authStore.record.id, { password: "bob-changed", passwordConfirm: "bob-changed" }), 400)
    await bob.collection(people).update(bob.authStore.record.id, {
      oldPassword: "bob-password",
      password: "bob-changed",
      passwordConfirm: "bob-changed",
    })
    await refused(stale.collection(people).authRefresh(), 401)
    await refused(bob.collection(people).authWithPassword(`bob_${suffix}@example.com`, "bob-password"), 400)
    await bob.collection(people).authWithPassword(`bob_${suffix}@example.com`, "bob-changed")
  },

  "deleting a record takes what hangs on it": async () => {
    const post = await ada.collection(posts).getFirstListItem("title ~ 'First'")
    await ada.collection(posts).delete(post.id)
    assert.equal((await guest.collection(comments).getFullList()).length, 0)
    await refused(ada.collection(posts).getOne(post.id), 404)
  },

  "a schema change keeps the rows": async () => {
    const before = await admin.collections.getOne(posts)
    const fields = before.fields.map((field) => (field.name === "views" ? { ...field, name: "seen" } : field))
    await admin.collections.update(posts, { fields: [...fields, { name: "note", type: "text" }] })
    const kept = await admin.collection(posts).getFirstListItem("seen = 30")
    assert.equal(kept.note, "")
    await refused(admin.collections.update(posts, { listRule: "nowhere = 1" }), 400, (problems) => {
      assert.ok(problems.listRule.code)
    })
    await admin.collections.truncate(posts)
    assert.equal((await admin.collection(posts).getFullList()).length, 0)
  },

  "collections are deleted": async () => {
    await refused(admin.collections.delete(posts), 400)
    for (const name of [comments, posts, people]) await admin.collections.delete(name)
    await refused(admin.collections.getOne(posts), 404)
  },
}

for (const [sentence, step] of Object.entries(steps)) {
  try {
    await step()
    console.log(`ok - ${sentence}`)
  } catch (error) {
    console.log(`not ok - ${sentence}\n${error.stack}\n${JSON.stringify(error.response ?? {})}`)
    process.exit(1)
  }
}
process.exit(0)
