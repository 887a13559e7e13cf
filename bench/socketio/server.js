// A chat of Socket.IO, express and jsonwebtoken: a token at sign-in, io.use that
// verifies it, and a room for each chat. It keeps everything in memory and checks
// no membership. Like the benchmark's other roles it answers its settings with its
// address, collects garbage for every further line, and ends with its input.

const http = require('node:http');
const readline = require('node:readline');
const express = require('express');
const jwt = require('jsonwebtoken');
const { Server } = require('socket.io');

const secret = 'a secret of the benchmark\'s own alone';
const app = express();
const server = http.createServer(app);
const io = new Server(server, {
  transports: ['websocket'],
  // Nobody is asked whether he is still there: the benchmark's readers only read.
  pingInterval: 24 * 60 * 60 * 1000,
});

io.use((socket, next) => {
  jwt.verify(socket.handshake.auth.token, secret, (err, claims) => {
    if (err) return next(new Error('unauthorized'));
    socket.data.user = claims.sub;
    next();
  });
});

io.on('connection', (socket) => {
  socket.join(socket.handshake.auth.chat);
  socket.emit('ready');
});

app.post('/login', express.json(), (req, res) => {
  res.json({ token: jwt.sign({ sub: req.body.username }, secret, { expiresIn: '24h' }) });
});

let id = 0;

app.post('/chats/:chat/messages', (req, res, next) => {
  jwt.verify((req.headers.authorization || '').replace(/^Bearer /, ''), secret, (err, claims) => {
    if (err) return res.sendStatus(401);
    req.user = claims.sub;
    next();
  });
}, express.json(), (req, res) => {
  id++;
  const message = {
    id, seq: id, chat: req.params.chat, author: req.user, text: req.body.text, created_at: new Date().toISOString(),
  };
  io.to(req.params.chat).emit('message', message);
  res.status(201).json(message);
});

const input = readline.createInterface({ input: process.stdin });
input.once('line', () => {
  server.listen(0, '127.0.0.1', 4096, () => {
    const { address, port } = server.address();
    console.log(`${address}:${port}`);
    input.on('line', () => {
      global.gc();
      console.log('');
    });
  });
});
input.on('close', () => process.exit(0));
